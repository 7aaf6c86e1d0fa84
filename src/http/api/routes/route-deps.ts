import type { Chat } from "../../../chat/chat.ts";
import type { ClientAddresses } from "../../../transport/client-address.ts";
import type { ChatCookies } from "../../../transport/cookies/chat-cookies.ts";
import type { EventStreams } from "../../../transport/sse/streams.ts";
import type { Callers } from "../callers.ts";
import type { InFlightRequests } from "../in-flight-requests.ts";
import type { RequestThrottle } from "../request-throttle.ts";

/** What the routes below /api stand on. */
export interface RouteDeps {
  readonly chat: Chat;
  readonly addresses: ClientAddresses;
  readonly cookies: ChatCookies;
  readonly callers: Callers;
  readonly streams: EventStreams;
  readonly throttle: RequestThrottle;
  readonly underWay: InFlightRequests;
  /** Whether this process is going away: requests are answered, and no stream is opened any more. */
  readonly isDraining: () => boolean;
  /** Why this process takes nobody in now; undefined = it does. */
  readonly overload: () => string | undefined;
}
