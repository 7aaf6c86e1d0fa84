import type { AckFrame, MessageRequest } from "../../../../protocol.ts";
import { readText } from "../../../text/text.ts";
import type { RequestContext } from "../request-context.ts";

/** Says something in a room; the ack means that the store has it. `arrivedAt`: as performance.now() tells it. */
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
  const read = readText(frame.text, session.context.options.maxTextLength);
  if (!read.ok) {
    session.refuseWith({ ...read.error, ref });
    return;
  }
  const { handle } = subscription;
  const connection = session.connection.id;
  const posted = await session.context.publisher.publish({
    room,
    user: session.person.id,
    kind: session.kind,
    network: session.connection.network,
    handle,
    text: read.value,
    key,
    connection,
    arrivedAt,
  });
  if (!posted.ok) {
    session.refuseWith({ ...posted.error, ref });
    return;
  }
  const { id, duplicate } = posted.value;
  const ack: AckFrame = { type: "ack", ref, room, key, id };
  session.answerIn(room, duplicate ? { ...ack, duplicate } : ack);
}
