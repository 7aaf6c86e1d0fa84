import type { JoinRequest } from "../../../../protocol/frames.ts";
import { LIMITS } from "../../../../protocol/limits.ts";
import type { AnswerSpace } from "../../../limits/answer-budget.ts";
import { RoomSubscription } from "../../room-subscription.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * Joins a room, or resyncs one: the client gets what is after `after`, or the newest entries, then what is
 * live.
 */
export async function join(
  session: RequestContext,
  frame: JoinRequest,
  _arrivedAt: number,
  space: AnswerSpace,
): Promise<void> {
  if (session.isForbidden(frame.room, "read", frame.ref)) return;
  const { subscriptions, joining } = session;
  if (subscriptions.has(frame.room)) return enter(session, frame, space);
  const { maxRoomsPerConnection } = session.context.options;
  if (subscriptions.size + joining.size >= maxRoomsPerConnection) {
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
  session: RequestContext,
  { ref, room, after, limit }: JoinRequest,
  space: AnswerSpace,
): Promise<void> {
  const { rooms } = session.context;
  const { network, id } = session.connection;
  const subscription = new RoomSubscription(session, rooms.open(room, network), ref);
  const cursor = { after, limit: limit ?? LIMITS.joinMessages };
  await rooms.join(subscription.room, subscription, cursor, space);
  // The client may have disconnected while the room was read.
  if (session.isClosed) rooms.leave(subscription.room, id);
}
