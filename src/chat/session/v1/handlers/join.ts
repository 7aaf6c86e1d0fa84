import { type JoinRequest, LIMITS } from "../../../../protocol.ts";
import type { AnswerSpace } from "../../../limits/answer-budget.ts";
import { Membership } from "../../room-subscription.ts";
import type { Asker } from "../request-context.ts";

/** Enters a room, or asks for a resync of one: what is behind `after`, or the newest, then live. */
export async function join(session: Asker, frame: JoinRequest, space: AnswerSpace): Promise<void> {
  const { memberships, joining } = session;
  if (memberships.has(frame.room)) return enter(session, frame, space);
  const { maxRoomsPerConnection } = session.services.options;
  if (memberships.size + joining.size >= maxRoomsPerConnection) {
    session.refuse("too-many-rooms", `A connection may be in ${maxRoomsPerConnection} rooms.`, frame.ref);
    return;
  }
  joining.add(frame.room);
  try {
    await enter(session, frame, space);
  } finally {
    joining.delete(frame.room);
  }
}

async function enter(
  session: Asker,
  { ref, room, after, limit }: JoinRequest,
  space: AnswerSpace,
): Promise<void> {
  const membership = new Membership(session, room, ref);
  const cursor = { after, limit: limit ?? LIMITS.joinMessages };
  await session.services.rooms.join(room, membership, cursor, space);
  // The client may have gone while the room was being read.
  if (session.isClosed) session.services.rooms.leave(room, session.connection.id);
}
