import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Entry, ReadLimit } from "../../store/store.ts";
import { type EntryReader, entriesAfter, isComplete, isFull } from "./entry-reader.ts";
import type { Ring } from "./ring.ts";
import { newest, oldest, type Page } from "./snapshot.ts";

/** What a joining client has, and how much it wants. */
export interface Cursor {
  /** The last id it has; undefined = none: it wants the newest entries. */
  readonly after: string | undefined;
  /** Most entries. */
  readonly limit: number;
}

/**
 * What a cursor gives at this moment:
 * - a page that ends at the room's head, or says that there is more;
 * - `lost`: the store does not continue from the cursor;
 * - `ahead`: the store's newest entry is one that the room never had; the room must catch up first;
 * - `behind`: the store's newest entry is older than what the room holds: while the store was read the room
 *   got more entries than it holds or, if this happens again, the store lost entries;
 * - `moved`: the room got entries while the store was read; look again.
 */
export type View = Page | "lost" | "ahead" | "behind" | "moved";

/** A page of a room's history; `recovered` is false if the store does not continue from the given id. */
export interface HistoryPage extends Page {
  readonly recovered: boolean;
}

/** Returns the answer for a page; undefined = the store does not continue from the given id. */
export function pageOf(page: Page | undefined): HistoryPage {
  return page === undefined ? { entries: [], more: false, recovered: false } : { ...page, recovered: true };
}

/** Reads the newest entries of a stream before an id (undefined = of all). Rejects with StoreUnavailable. */
export async function pageBefore(reader: EntryReader, id: string | undefined, limit: number): Promise<Page> {
  const read = await reader.before(id, readFor(limit));
  return newest(read, limit, isFull(read, readFor(limit)));
}

/**
 * Reads the oldest entries of a stream after an id; undefined if it does not continue from that. Rejects with
 * StoreUnavailable.
 */
export async function pageAfter(reader: EntryReader, id: string, limit: number): Promise<Page | undefined> {
  const read = await reader.from(id, readFor(limit));
  if (!isComplete(id, read)) return undefined;
  return oldest(entriesAfter(id, read), limit, isFull(read, readFor(limit)));
}

/** The history of one room: from its ring if that holds it, else from the store. */
export class History {
  readonly #reader: EntryReader;
  readonly #ring: Ring;

  constructor(reader: EntryReader, ring: Ring) {
    this.#reader = reader;
    this.#ring = ring;
  }

  /**
   * Reads what the ring does not have for a cursor; undefined if the ring has all. Rejects with
   * StoreUnavailable.
   */
  async fetch({ after, limit }: Cursor): Promise<readonly Entry[] | undefined> {
    if (after !== undefined)
      return this.#ring.covers(after) ? undefined : this.#reader.from(after, readFor(limit));
    if (this.#ring.entries.length >= limit || this.#ring.base === BEGINNING) return undefined;
    // All of it, not only what is older than the ring: in a busy room the ring would have moved on by then.
    return this.#reader.before(undefined, readFor(limit));
  }

  /** Joins what was fetched and the ring. Synchronous: the result holds until the tick ends. */
  view({ after, limit }: Cursor, fetched: readonly Entry[] | undefined): View {
    if (after === undefined) return this.#newest(limit, fetched);
    if (this.#ring.covers(after)) return oldest(this.#ring.after(after), limit, false);
    if (fetched === undefined) return "moved";
    if (!isComplete(after, fetched)) return "lost";
    return this.#upToHead(after, limit, fetched);
  }

  /** As `pageBefore`. */
  before(id: string | undefined, limit: number): Promise<Page> {
    return pageBefore(this.#reader, id, limit);
  }

  /** As `pageAfter`, from the ring if that holds it. */
  async after(id: string, limit: number): Promise<Page | undefined> {
    if (this.#ring.covers(id)) return oldest(this.#ring.after(id), limit, false);
    return pageAfter(this.#reader, id, limit);
  }

  #newest(limit: number, fetched: readonly Entry[] | undefined): View {
    if (fetched === undefined) return newest(this.#ring.entries, limit, this.#ring.base !== BEGINNING);
    const more = isFull(fetched, readFor(limit));
    const end = fetched.findIndex((entry) => entry.id === this.#ring.head);
    if (end >= 0) return newest(fetched.slice(0, end + 1), limit, more);
    const last = fetched.at(-1)?.id ?? BEGINNING;
    if (!this.#ring.covers(last)) return this.#sideOf(last);
    return newest([...fetched, ...this.#ring.after(last)], limit, more);
  }

  #upToHead(after: string, limit: number, fetched: readonly Entry[]): View {
    const found = entriesAfter(after, fetched);
    const { head } = this.#ring;
    const end = found.findIndex((entry) => entry.id === head);
    if (end >= 0) return oldest(found.slice(0, end + 1), limit, false);
    const last = found.at(-1)?.id ?? after;
    if (isFull(fetched, readFor(limit)))
      return compareIds(last, head) > 0 ? "ahead" : oldest(found, limit, true);
    if (!this.#ring.covers(last)) return this.#sideOf(last);
    return oldest([...found, ...this.#ring.after(last)], limit, false);
  }

  /** Returns where a stream ended whose newest entry the ring does not cover. */
  #sideOf(last: string): "ahead" | "behind" {
    return compareIds(last, this.#ring.base) < 0 ? "behind" : "ahead";
  }
}

/**
 * Returns the limit of a read: one entry more than asked for shows whether there is more, and the cursor's
 * own entry may be included.
 */
function readFor(limit: number): ReadLimit {
  return { entries: limit + 2, bytes: LIMITS.answerBytes + LIMITS.frameBytes };
}
