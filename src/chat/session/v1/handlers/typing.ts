import type { TypingRequest } from "../../../../protocol/frames.ts";
import { includes } from "../../../../protocol/rights.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * Tells the others in a room that the user is typing, or has stopped. Never answered; does nothing if the
 * client is not in the room, or may not write there.
 */
export function typing(session: RequestContext, { room, on }: TypingRequest): void {
  const subscription = session.subscriptions.get(room);
  if (subscription === undefined || !includes(subscription.right, "write")) return;
  subscription.room.presence.typing(subscription, on);
}
