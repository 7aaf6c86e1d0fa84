import type { TypingRequest } from "../../../../protocol/frames.ts";
import type { RequestContext } from "../request-context.ts";

/** Tells the others in a room; never answered, and nothing happens where the client is not in it. */
export function typing(session: RequestContext, { room, on }: TypingRequest): void {
  const subscription = session.subscriptions.get(room);
  subscription?.room.presence.typing(subscription, on);
}
