import { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** The platform's codes for requests that a dyno did not answer, and what they mean. All but H15 are a 503. */
export const ROUTER_CODES = {
  H12: "no first byte in time",
  H13: "the connection was closed without an answer",
  H14: "no web dyno runs",
  H15: "nothing was sent in either direction for too long",
  H19: "no dyno took the connection in time",
  H21: "every dyno refused the connection",
} as const;

export type RouterCode = keyof typeof ROUTER_CODES;

/** One request that went wrong. */
export interface RouterError {
  readonly code: RouterCode;
  readonly method: string;
  readonly path: string;
  /** ms since 1970 UTC. */
  readonly at: number;
}

/** Answers 503 and ends the connection. */
export function endWithError(client: ServerResponse | Duplex, code: RouterCode): void {
  const body = `${code}: ${ROUTER_CODES[code]}\n`;
  if (client instanceof ServerResponse) {
    client.writeHead(503, { "Content-Type": "text/plain", Connection: "close" }).end(body);
    return;
  }
  if (client.destroyed) return;
  client.end(
    `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}
