import type { TypingRequest } from "../../protocol.ts";
import type { V1Session } from "../v1-session.ts";

/** Tells the others in a room; never answered, and nothing happens where the client is not in it. */
export function typing(session: V1Session, { room, on }: TypingRequest): void {
  const membership = session.memberships.get(room);
  if (membership !== undefined) session.chat.rooms.get(room)?.presence.typing(membership, on);
}
