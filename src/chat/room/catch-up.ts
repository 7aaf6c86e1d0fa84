import type { Entry, ReadLimit } from "../../store/store.ts";
import { type EntryReader, entriesAfter, isComplete, isFull, sizeOf } from "./entry-reader.ts";

/** One page of a catch-up. */
export const CATCH_UP_PAGE: ReadLimit = { entries: 200, bytes: 256 * 1024 };

/**
 * A room that missed more than this starts over from its newest entries: bytes that would push every
 * member over the slow reader's waterline help nobody. Members are told and fetch what they want.
 */
export const CATCH_UP_LIMIT: ReadLimit = { entries: 1000, bytes: 512 * 1024 };

/** What a catch-up found. `lost`: the store does not continue from the cursor, or by too much. */
export type CaughtUp = { readonly lost: true } | { readonly lost: false; readonly missed: readonly Entry[] };

/** Reads everything after `after`, page by page, bounded. Rejects with StoreUnavailable. */
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
