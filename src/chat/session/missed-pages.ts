import { LIMITS } from "../../protocol/limits.ts";
import type { Entry } from "../../store/store.ts";
import type { AnswerBudget, AnswerSpace } from "../limits/answer-budget.ts";
import type { Visitor } from "../rights/visitor.ts";
import { sizeOf } from "../room/entry-reader.ts";
import type { RoomQueries } from "../room/queries.ts";

/**
 * Replays what a connection that cannot ask for pages missed after `after`: passes it to `write` page by
 * page; each page is read when there is space for it. Stops when at most one page is left, which the client
 * gets when it joins after the last entry. Does nothing if the store does not continue from `after`: joining
 * tells that. Stops if `write` returns false, which means that the reader is gone. Rejects with
 * StoreUnavailable and TooManyAnswers.
 */
export async function writeMissed(
  queries: RoomQueries,
  answers: AnswerBudget,
  room: string,
  visitor: Visitor,
  after: string,
  write: (entries: readonly Entry[]) => boolean,
): Promise<void> {
  let cursor = after;
  const writePage = async (space: AnswerSpace): Promise<boolean> => {
    const { entries, more, recovered } = await queries.after(room, visitor, cursor, LIMITS.answerMessages);
    const last = entries.at(-1);
    if (!recovered || !more || last === undefined) return false;
    space.take(sizeOf(entries));
    if (!write(entries)) return false;
    cursor = last.id;
    return true;
  };
  while (await answers.read(writePage));
}
