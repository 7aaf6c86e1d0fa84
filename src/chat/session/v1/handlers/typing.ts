import type { TypingRequest } from "../../../../protocol/frames.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * Tells the others in a room that the user is typing, or has stopped. Never answered; does nothing if the
 * client is not in the room.
 */
export function typing(session: RequestContext, { room, on }: TypingRequest): void {
  const subscription = session.subscriptions.get(room);
  subscription?.room.presence.typing(subscription, on);
}
