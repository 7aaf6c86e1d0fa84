import type { JoinRequest } from "../../../../protocol/frames.ts";
import { LIMITS } from "../../../../protocol/limits.ts";
import type { Grant } from "../../../../store/access.ts";
import type { AnswerSpace } from "../../../limits/answer-budget.ts";
import type { Result } from "../../../result.ts";
import type { Found } from "../../../rights/rights.ts";
import { missingRight } from "../../../rights/visitor.ts";
import { RoomSubscription } from "../../room-subscription.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * Joins a room, or resyncs one: the client gets what is after `after`, or the newest entries, then what is
 * live.
 */
export async function join(session: RequestContext, frame: JoinRequest, arrivedAt: number): Promise<void> {
  const { subscriptions, joining } = session;
  const found = await session.context.rights.find(session.identity, frame.room);
  if (session.isClosed) return;
  if (!found.ok) {
    session.refuseWith({ ...found.error, ref: frame.ref });
    return;
  }
  const forbidden = missingRight(found.value.right, "read", frame.room);
  if (forbidden !== undefined) {
    session.refuseWith({ ...forbidden, ref: frame.ref });
    return;
  }
  const enterRoom = () =>
    session.withSpace(frame, arrivedAt, (space) => enter(session, frame, found.value, space));
  if (subscriptions.has(frame.room)) return enterRoom();
  const { maxRoomsPerConnection } = session.context.options;
  if (subscriptions.size + joining.size >= maxRoomsPerConnection) {
    session.refuse("too-many-rooms", `A connection may be in ${maxRoomsPerConnection} rooms.`, frame.ref);
    return;
  }
  joining.add(frame.room);
  try {
    await enterRoom();
  } finally {
    joining.delete(frame.room);
  }
}

async function enter(
  session: RequestContext,
  { ref, room, after, limit }: JoinRequest,
  { right, at, later }: Found,
  space: AnswerSpace,
): Promise<void> {
  const { rooms } = session.context;
  const { network, id } = session.connection;
  const subscription = new RoomSubscription(
    session,
    rooms.open(room, { network, identity: session.identity }),
    { right, at },
    ref,
  );
  const cursor = { after, limit: limit ?? LIMITS.joinMessages };
  await rooms.join(subscription.room, subscription, cursor, space);
  // The client may have disconnected while the room was read.
  if (session.isClosed) rooms.leave(subscription.room, id);
  else if (later !== undefined) void follow(subscription, later);
}

/** Takes over the embedding app's answer; without one, what it granted before stays. */
async function follow(subscription: RoomSubscription, later: Promise<Result<Grant>>): Promise<void> {
  const base = await later;
  if (base.ok) subscription.setBase(base.value);
}
