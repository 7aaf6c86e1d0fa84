import type { TypingRequest } from "../../../../protocol.ts";
import type { Asker } from "../request-context.ts";

/** Tells the others in a room; never answered, and nothing happens where the client is not in it. */
export function typing(session: Asker, { room, on }: TypingRequest): void {
  const membership = session.memberships.get(room);
  if (membership !== undefined) session.services.rooms.get(room)?.presence.typing(membership, on);
}
