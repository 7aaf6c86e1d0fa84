import type { PingRequest } from "../../../../protocol/frames.ts";
import type { RequestContext } from "../request-context.ts";

/** Tells a client, which cannot see the pings of WebSocket, that the server is there. */
export function ping(session: RequestContext, { ref }: PingRequest): void {
  session.send({ type: "pong", ref });
}
