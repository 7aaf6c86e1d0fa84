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

/** The parts of a request that name its page's origin and this server. */
export type OriginRequest = Pick<FastifyRequest, "headers" | "host" | "protocol">;

/** Characters of an Origin header that are repeated in an answer or a log line. */
const SHOWN = 200;

/**
 * Accepts or rejects requests by the origin of their page: the chat's own page is always allowed, other pages
 * if ALLOWED_ORIGINS names them. Programs send no Origin and are allowed: the check protects users' cookies
 * from the pages of other sites, and programs have no cookies.
 */
export class OriginPolicy {
  readonly #patterns: readonly OriginPattern[];
  readonly #allowsAll: boolean;
  readonly #throttled: ThrottledLogger;

  /**
   * @param allowed items of ALLOWED_ORIGINS; `*` = any origin. Throws RangeError for an item that no origin
   * can match.
   */
  constructor(allowed: "*" | readonly string[] | undefined, logger: Logger) {
    this.#allowsAll = allowed === "*";
    this.#patterns = allowed === "*" || allowed === undefined ? [] : allowed.map(parseOriginPattern);
    this.#throttled = new ThrottledLogger(logger);
  }

  /**
   * Returns an error message for the user of a page that may not use the chat; undefined = the request is
   * allowed. Logs at most one rejection per 10 s.
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
 * Returns whether a page was served by this server: by the Host of the request or, behind a trusted proxy, by
 * its X-Forwarded-Host. Default ports are ignored, because proxies add and drop them. The scheme is known for
 * certain only if it is https: a page served without https must not use a chat that has it.
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

/**
 * Returns whether a request came by TLS, as far as the server knows. Some proxies report `wss` for a socket.
 */
export function isSecure({ protocol }: Pick<FastifyRequest, "protocol">): boolean {
  const scheme = protocol.toLowerCase();
  return scheme === "https" || scheme === "wss";
}
