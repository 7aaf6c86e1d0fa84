import type { Person } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Entry } from "../../store/store.ts";

/** What a member is told when it joins, or when its room restarts. */
export interface Snapshot {
  /** False: there may be a gap between the client's cursor and `entries`. */
  readonly recovered: boolean;
  /** The room's newest id at this moment; live entries begin after it. */
  readonly head: string;
  /** Oldest first. */
  readonly entries: readonly Entry[];
  readonly more: boolean;
  readonly count: number;
  /** `LIMITS.presenceNames` at most; see `namedUsers`. */
  readonly users: readonly Person[];
  /** The member's own handle in this room. */
  readonly handle: string;
}

/** Some entries of a stream, and whether there are more in the direction of the request. */
export interface Page {
  readonly entries: readonly Entry[];
  readonly more: boolean;
}

/**
 * Bytes of an answer that are left for its messages: it also names up to `LIMITS.presenceNames` users, with
 * an id of 64 bytes and a handle of up to 128 bytes each. Handles of long emoji alone may be ten times as
 * long; such an answer is longer.
 */
const MESSAGES_BYTES = LIMITS.answerBytes - 48 * 1024;

/** Returns the oldest of `entries`: at most `limit`, and no more than an answer may carry. */
export function oldest(entries: readonly Entry[], limit: number, moreAfter: boolean): Page {
  let bytes = 0;
  let end = 0;
  for (const entry of entries.slice(0, limit)) {
    bytes += entry.frame.length;
    if (end > 0 && bytes > MESSAGES_BYTES) break;
    end++;
  }
  return { entries: entries.slice(0, end), more: moreAfter || end < entries.length };
}

/** Returns the newest of `entries`: at most `limit`, and no more than an answer may carry. */
export function newest(entries: readonly Entry[], limit: number, moreBefore: boolean): Page {
  let bytes = 0;
  let start = entries.length;
  while (start > 0 && entries.length - start < limit) {
    bytes += entries[start - 1]?.frame.length ?? 0;
    if (start < entries.length && bytes > MESSAGES_BYTES) break;
    start--;
  }
  return { entries: entries.slice(start), more: moreBefore || start > 0 };
}
