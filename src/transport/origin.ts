import type { FastifyRequest } from "fastify";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";
import {
  matchesOrigin,
  type Origin,
  type OriginPattern,
  parseOrigin,
  parseOriginPattern,
} from "../settings/origins.ts";

/** What of a request tells where its page and this server are. */
export type OriginRequest = Pick<FastifyRequest, "headers" | "host" | "protocol">;

/** Characters of an Origin header that are repeated in an answer or a log line. */
const SHOWN = 200;

/**
 * Decides whether a page may use the chat: its own page always, other pages if ALLOWED_ORIGINS names them. Programs send no Origin
 * and are allowed: the check protects people's cookies from other sites' pages, and programs have none of those.
 */
export class OriginPolicy {
  readonly #patterns: readonly OriginPattern[];
  readonly #allowsAll: boolean;
  readonly #throttled: ThrottledLogger;

  /** @param allowed items of ALLOWED_ORIGINS; `*` = any origin. Throws RangeError for an item that no origin can match. */
  constructor(allowed: "*" | readonly string[] | undefined, logger: Logger) {
    this.#allowsAll = allowed === "*";
    this.#patterns = allowed === "*" || allowed === undefined ? [] : allowed.map(parseOriginPattern);
    this.#throttled = new ThrottledLogger(logger);
  }

  /**
   * Returns a sentence for the person at a page that may not use the chat, undefined for every other request. Logs at most one
   * refusal every 10 s.
   */
  refusal(request: OriginRequest): string | undefined {
    const { origin } = request.headers;
    if (origin === undefined || this.#allowsAll) return undefined;
    const parsed = parseOrigin(origin);
    if (parsed !== undefined) {
      if (isOwn(parsed, request)) return undefined;
      if (this.#patterns.some((pattern) => matchesOrigin(pattern, parsed))) return undefined;
    }
    const shown = origin.slice(0, SHOWN);
    this.#throttled.log(
      "warn",
      "a page was refused: its origin is neither this server's nor in ALLOWED_ORIGINS",
      { event: "origin-refused", origin: shown, host: request.headers.host?.slice(0, SHOWN) },
    );
    return `This page's address (${shown}) is not allowed by the server.`;
  }
}

/**
 * Returns whether a page came from this server: from the Host of the request or, behind a trusted proxy, from its
 * X-Forwarded-Host. Proxies add and drop both default ports, and the scheme is known only where it is https: a page without it
 * must not use a chat that has it.
 */
function isOwn({ scheme, host, port }: Origin, request: OriginRequest): boolean {
  if (scheme !== "https" && (scheme !== "http" || isSecure(request))) return false;
  return [request.headers.host, request.host].some((address) => {
    const own = parseOrigin(`http://${address}`);
    return own?.host === host && withoutDefault(own.port) === withoutDefault(port);
  });
}

function withoutDefault(port: string): string {
  return port === "80" || port === "443" ? "" : port;
}

/** Returns whether a request came by TLS, as far as the server knows. Some proxies write `wss` for a socket. */
export function isSecure({ protocol }: Pick<FastifyRequest, "protocol">): boolean {
  const scheme = protocol.toLowerCase();
  return scheme === "https" || scheme === "wss";
}
