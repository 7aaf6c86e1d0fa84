import { isIPv4, isIPv6 } from "node:net";
import type { FastifyRequest } from "fastify";
import type { Logger } from "../logging/logger.ts";

/** Address of a client that has none, such as the peer of a Unix socket. */
const NO_ADDRESS = "unknown";

/** Finds the addresses of clients, as limits count them and log lines name them. */
export class ClientAddresses {
  readonly #logger: Logger;
  #hasWarned = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Returns the canonical address of the client that sent a request; if a trusted proxy reports a text that
   * is no address, the proxy's own. Warns once if a proxy reports addresses and is not trusted.
   */
  of(request: FastifyRequest): string {
    // Fastify has `ips` only if its option trustProxy is set.
    if (request.ips === undefined && request.headers["x-forwarded-for"] !== undefined) this.#warn();
    const peer = request.socket.remoteAddress;
    return canonicalAddress(request.ip) ?? canonicalAddress(peer) ?? NO_ADDRESS;
  }

  #warn(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn(
      { event: "proxy-not-trusted" },
      "X-Forwarded-For is ignored, so that limits per address count all clients of a proxy as one; " +
        "behind a proxy set TRUST_PROXY=true (in an app of your own, the option trustProxy of Fastify)",
    );
  }
}

/**
 * Returns the canonical form of an IP address: IPv4 in decimal, IPv6 as in RFC 5952, an IPv4-mapped address
 * as IPv4; undefined for every other text. Ignores what proxies write with it: a port, brackets, a zone and
 * the `for=` of RFC 7239.
 */
export function canonicalAddress(text: string | undefined): string | undefined {
  const bare = withoutPort((text ?? "").replace(/^for=/i, "").replaceAll('"', "").trim());
  if (isIPv4(bare)) return bare;
  const [unzoned = ""] = bare.split("%", 1);
  return isIPv6(unzoned) ? canonicalIpv6(unzoned) : undefined;
}

/**
 * Returns the key by which limits per address count: the address itself, for IPv6 the /64 network, because
 * one host has all addresses of such a network.
 * @param address in canonical form.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [before = "", after] = address.split("::");
  const left = groupsOf(before);
  const right = groupsOf(after ?? "");
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}

function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? [];
  const [, dotted] = /^([\d.]+):\d{1,5}$/.exec(text) ?? [];
  return bracketed ?? dotted ?? text;
}

function canonicalIpv6(address: string): string {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((pair) => [pair >> 8, pair & 255])
    .join(".");
}

function groupsOf(part: string): string[] {
  return part === "" ? [] : part.split(":");
}
