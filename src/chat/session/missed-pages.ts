import { LIMITS } from "../../protocol/limits.ts";
import type { Entry } from "../../store/store.ts";
import type { AnswerBudget, AnswerSpace } from "../limits/answer-budget.ts";
import { sizeOf } from "../room/entry-reader.ts";
import type { RoomQueries } from "../room/queries.ts";

/**
 * Gives `write` what a connection that cannot ask for pages itself missed after `after`, page by page, each read when there is space for it,
 * until one page is the rest: that the user comes with joining after the last entry. Nothing where the store does not continue from `after`, which
 * joining tells. Ends where `write` returns false: the reader is gone. Rejects with StoreUnavailable and
 * TooManyAnswers.
 */
export async function writeMissed(
  queries: RoomQueries,
  answers: AnswerBudget,
  room: string,
  after: string,
  write: (entries: readonly Entry[]) => boolean,
): Promise<void> {
  let cursor = after;
  const writePage = async (space: AnswerSpace): Promise<boolean> => {
    const { entries, more, recovered } = await queries.after(room, cursor, LIMITS.answerMessages);
    const last = entries.at(-1);
    if (!recovered || !more || last === undefined) return false;
    space.take(sizeOf(entries));
    if (!write(entries)) return false;
    cursor = last.id;
    return true;
  };
  while (await answers.read(writePage));
}
