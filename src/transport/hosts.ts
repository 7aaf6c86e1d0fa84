import type { FastifyRequest } from "fastify";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";
import { type HostPattern, matchesHost, parseHost, parseHostPattern } from "../settings/origins.ts";

/** The parts of a request that name its host. */
type HostRequest = Pick<FastifyRequest, "headers" | "host">;

/** Characters of a Host header that are repeated in an answer or a log line. */
const SHOWN = 200;

/** Status of the answer to a request for another host (RFC 9110, section 15.5.20). */
export const MISDIRECTED = 421;

/**
 * Accepts or rejects requests by their host name, as ALLOWED_HOSTS says. If an attacker points a domain at
 * this server (DNS rebinding), the browser takes the attacker's page and the server for one origin; only the
 * host name shows the difference.
 */
export class HostPolicy {
  /** Undefined = any host. */
  readonly #patterns: readonly HostPattern[] | undefined;
  readonly #throttled: ThrottledLogger;

  /**
   * @param allowed items of ALLOWED_HOSTS; undefined = any. Throws RangeError for an item that no host can
   * match.
   */
  constructor(allowed: readonly string[] | undefined, logger: Logger) {
    this.#patterns = allowed?.map(parseHostPattern);
    this.#throttled = new ThrottledLogger(logger);
  }

  /**
   * Returns an error message for a request that is for another host; undefined = it is allowed. All names
   * count: the Host header and, behind a trusted proxy, X-Forwarded-Host, which a page can write itself if
   * the proxy passes it on. Logs at most one rejection per 10 s.
   */
  refusal(request: HostRequest): string | undefined {
    const patterns = this.#patterns;
    if (patterns === undefined) return undefined;
    const other = [request.headers.host, request.host].find((name) => !isAllowed(name, patterns));
    if (other === undefined && request.headers.host !== undefined) return undefined;
    const shown = other?.slice(0, SHOWN) ?? "";
    this.#throttled.log("warn", "a request was refused: its host is not in ALLOWED_HOSTS", {
      event: "host-refused",
      host: shown,
    });
    return `This server does not serve the host ${shown === "" ? "that is not named" : shown}.`;
  }
}

function isAllowed(name: string | undefined, patterns: readonly HostPattern[]): boolean {
  const host = parseHost(name ?? "");
  return host !== undefined && patterns.some((pattern) => matchesHost(pattern, host));
}
