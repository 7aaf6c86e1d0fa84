import type { AckFrame, MessageRequest } from "../../protocol.ts";
import { notStored, textRefused } from "../refusal.ts";
import { readText } from "../text.ts";
import type { Asker } from "./asker.ts";

/** Says something in a room; the ack means that the log has it. `arrivedAt`: as performance.now() tells it. */
export async function message(session: Asker, frame: MessageRequest, arrivedAt: number): Promise<void> {
  const { ref, room, key } = frame;
  const membership = session.memberships.get(room);
  if (membership === undefined) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  const { maxTextLength } = session.services.options;
  const read = readText(frame.text, maxTextLength);
  if (typeof read === "string") {
    session.refuseWith(textRefused(read, maxTextLength, ref));
    return;
  }
  const { handle } = membership;
  const connection = session.connection.id;
  const appended = await session.services.posting.post({
    room,
    user: session.person.id,
    handle,
    text: read.text,
    key,
    connection,
    arrivedAt,
  });
  if (!("id" in appended)) {
    session.refuseWith(notStored(appended, ref));
    return;
  }
  const ack: AckFrame = { type: "ack", ref, room, key, id: appended.id };
  session.answerIn(room, appended.outcome === "stored" ? ack : { ...ack, duplicate: true });
}
