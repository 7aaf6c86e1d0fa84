import type { Entry, ReadLimit } from "../../store/store.ts";
import { type EntryReader, entriesAfter, isComplete, isFull, sizeOf } from "./entry-reader.ts";

/** One page of a catch-up. */
export const CATCH_UP_PAGE: ReadLimit = { entries: 200, bytes: 256 * 1024 };

/**
 * A room that missed more than this starts over from its newest entries: more bytes would close every
 * member as too slow a reader. Members are told and fetch what they want.
 */
export const CATCH_UP_LIMIT: ReadLimit = { entries: 1000, bytes: 512 * 1024 };

/**
 * The result of a catch-up. `lost`: the store does not continue from the cursor, or more than
 * `CATCH_UP_LIMIT` was missed.
 */
export type CaughtUp = { readonly lost: true } | { readonly lost: false; readonly missed: readonly Entry[] };

/** Reads everything after `after`, page by page, up to `CATCH_UP_LIMIT`. Rejects with StoreUnavailable. */
export async function readMissed(reader: EntryReader, after: string): Promise<CaughtUp> {
  const missed: Entry[] = [];
  let cursor = after;
  while (true) {
    const read = await reader.freshFrom(cursor, CATCH_UP_PAGE);
    if (!isComplete(cursor, read)) return { lost: true };
    const page = entriesAfter(cursor, read);
    missed.push(...page);
    if (missed.length > CATCH_UP_LIMIT.entries || sizeOf(missed) > CATCH_UP_LIMIT.bytes)
      return { lost: true };
    const last = page.at(-1);
    if (last === undefined || !isFull(read, CATCH_UP_PAGE)) return { lost: false, missed };
    cursor = last.id;
  }
}
