import type { Chat } from "../../../chat/chat.ts";
import type { ChatCookies } from "../../../transport/cookies/chat-cookies.ts";
import type { Gate } from "../../../transport/gate.ts";
import type { EventStreams } from "../../../transport/sse/event-streams.ts";
import type { Callers } from "../callers.ts";
import type { InFlightRequests } from "../in-flight-requests.ts";
import type { RequestThrottle } from "../request-throttle.ts";

/** Dependencies of the routes below /api. */
export interface RouteDeps {
  readonly chat: Chat;
  readonly gate: Gate;
  readonly cookies: ChatCookies;
  readonly callers: Callers;
  readonly streams: EventStreams;
  readonly throttle: RequestThrottle;
  readonly underWay: InFlightRequests;
}
