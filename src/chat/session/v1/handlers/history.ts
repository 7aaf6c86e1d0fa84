import type { HistoryRequest } from "../../../../protocol/frames.ts";
import { LIMITS } from "../../../../protocol/limits.ts";
import type { AnswerSpace } from "../../../limits/answer-budget.ts";
import { sizeOf } from "../../../room/entry-reader.ts";
import { visitorOf } from "../../../room/member.ts";
import { withMessages } from "../../answer.ts";
import type { RequestContext } from "../request-context.ts";

/** Answers with a page of a joined room's history: before an id, after one, or the newest. */
export async function history(
  session: RequestContext,
  frame: HistoryRequest,
  _arrivedAt: number,
  space: AnswerSpace,
): Promise<void> {
  const { ref, room, before, after, limit = LIMITS.joinMessages } = frame;
  if (before !== undefined && after !== undefined) {
    session.refuse("bad-request", "A history frame asks for before or after, not both.", ref);
    return;
  }
  const subscription = session.subscriptions.get(room);
  if (subscription === undefined) {
    session.refuse("not-joined", `You are not in ${room}.`, ref);
    return;
  }
  const { connection } = session;
  const { room: joined } = subscription;
  const visitor = visitorOf(subscription);
  const page =
    after === undefined
      ? await joined.before(visitor, before, limit)
      : await joined.after(visitor, after, limit);
  space.take(sizeOf(page.entries));
  const fields = {
    type: "history",
    ref,
    room,
    more: page.more,
    ...(page.recovered ? {} : { recovered: false }),
  };
  connection.write(connection.codec.json(withMessages(fields, page.entries)));
}
