import type { AckFrame, MessageRequest } from "../../../../protocol/frames.ts";
import { missingRight } from "../../../rights/visitor.ts";
import { readText } from "../../../text/text.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * Publishes a message in a room; the ack means that it is stored.
 * @param arrivedAt as performance.now() tells it.
 */
export async function message(
  session: RequestContext,
  frame: MessageRequest,
  arrivedAt: number,
): Promise<void> {
  const { ref, room, key } = frame;
  const subscription = session.subscriptions.get(room);
  if (subscription === undefined) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  const forbidden = missingRight(subscription.right, "write", room);
  if (forbidden !== undefined) {
    session.refuseWith({ ...forbidden, ref });
    return;
  }
  const read = readText(frame.text, session.context.options.maxTextLength);
  if (!read.ok) {
    session.refuseWith({ ...read.error, ref });
    return;
  }
  const { connection, identity } = session;
  const published = await session.context.publisher.publish({
    room,
    here: subscription.room,
    sender: identity,
    base: subscription.base.right,
    handle: subscription.handle,
    network: connection.network,
    text: read.value,
    key,
    connection: connection.id,
    arrivedAt,
  });
  if (!published.ok) {
    session.refuseWith({ ...published.error, ref });
    return;
  }
  const { id, duplicate } = published.value;
  const ack: AckFrame = { type: "ack", ref, room, key, id };
  subscription.answer(duplicate ? { ...ack, duplicate } : ack);
}
