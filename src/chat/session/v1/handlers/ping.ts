import type { PingRequest } from "../../../../protocol/frames.ts";
import type { RequestContext } from "../request-context.ts";

/** Answers a client's ping: clients in a browser cannot see the pings of WebSocket. */
export function ping(session: RequestContext, { ref }: PingRequest): void {
  session.send({ type: "pong", ref });
}
