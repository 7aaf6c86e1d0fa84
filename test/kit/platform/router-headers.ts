import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";

/** A client's own request id is passed on if it looks like one. */
const REQUEST_ID = /^[A-Za-z0-9_-]{20,200}$/;

/** Of one connection only (RFC 9110, section 7.6.1); an upgrade's own pair is passed on. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding"]);

/** The headers a dyno gets: the client's, and what the router says about it. */
export function forwardedHeaders(
  request: IncomingMessage,
  port: number,
  newId: () => string,
): OutgoingHttpHeaders {
  const { headers, socket } = request;
  const given = headers["x-request-id"];
  const before = headers["x-forwarded-for"];
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  return {
    ...headers,
    // What a client claims stays, to the left; only the last entry is the router's own word.
    "x-forwarded-for": before === undefined ? address : `${String(before)}, ${address}`,
    "x-forwarded-proto": "http",
    "x-forwarded-port": String(port),
    "x-request-id": typeof given === "string" && REQUEST_ID.test(given) ? given : newId(),
    "x-request-start": String(Date.now()),
    via: "1.1 router",
  };
}

/** Name, value, name, value, …, without what concerns the connection to the dyno alone. */
export function withoutHopByHop(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [rawHeaders[i], rawHeaders[i + 1]];
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
