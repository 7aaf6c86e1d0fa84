import type { Entry } from "../log/log.ts";
import { LIMITS } from "../protocol.ts";
import type { Connection } from "./connection.ts";
import type { Reading } from "./reading.ts";

/**
 * What a connection that cannot ask for pages itself missed behind `after`, each page read when the one before it has gone out, until
 * one page is the rest: that one comes with joining behind the last entry. Nothing where the log does not continue
 * from `after`, which joining tells. Rejects with LogUnavailable.
 */
export async function* missedPages(
  reading: Reading,
  connection: Connection,
  room: string,
  after: string,
): AsyncGenerator<readonly Entry[], void, undefined> {
  let cursor = after;
  while (true) {
    await connection.drained(LIMITS.hintWaterline);
    const { entries, more, recovered } = await reading.behind(room, cursor, LIMITS.answerMessages);
    const last = entries.at(-1);
    if (!recovered || !more || last === undefined) return;
    yield entries;
    cursor = last.id;
  }
}
