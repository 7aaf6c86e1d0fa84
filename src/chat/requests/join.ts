import { type JoinRequest, LIMITS } from "../../protocol.ts";
import { Membership } from "../membership.ts";
import type { V1Session } from "../v1-session.ts";

/** Enters a room, or asks for a resync of one: what is behind `after`, or the newest, then live. */
export async function join(session: V1Session, { ref, room, after, limit }: JoinRequest): Promise<void> {
  const { maxRoomsPerConnection } = session.chat.options;
  if (!session.memberships.has(room) && session.memberships.size >= maxRoomsPerConnection) {
    session.refuse("too-many-rooms", `A connection may be in ${maxRoomsPerConnection} rooms.`, ref);
    return;
  }
  await session.connection.drained(LIMITS.hintWaterline);
  if (session.isClosed) return;
  const membership = new Membership(session, room, ref);
  await session.chat.rooms.join(room, membership, { after, limit: limit ?? LIMITS.joinMessages });
  // The client may have gone while the room was being read.
  if (session.isClosed) session.chat.rooms.leave(room, session.connection.id);
}
