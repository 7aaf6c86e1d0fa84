import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Entry, ReadLimit } from "../../store/store.ts";
import { type EntryReader, entriesAfter, isComplete, isFull } from "./entry-reader.ts";
import type { Ring } from "./ring.ts";
import { newest, oldest, type Page } from "./snapshot.ts";

/** Where a joining client stands. */
export interface Cursor {
  /** The last id it has; undefined = it has nothing and wants the newest. */
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * What a cursor gives at this moment:
 * - a page that ends at the room's head, or says that there is more;
 * - `lost`: the store does not continue from it;
 * - `ahead`: the store ends where the room has never been; the room must catch up first;
 * - `behind`: the store ended before what the room holds: the room went on by more than it holds while the store was read or, if that is
 *   so again, the store lost something;
 * - `moved`: the room went on while the store was read; look again.
 */
export type View = Page | "lost" | "ahead" | "behind" | "moved";

/** A page of a room's past; `recovered` is false where the store does not continue from the id asked. */
export interface HistoryPage extends Page {
  readonly recovered: boolean;
}

/** The answer that holds a page; undefined: the store does not continue from the id asked. */
export function pageOf(page: Page | undefined): HistoryPage {
  return page === undefined ? { entries: [], more: false, recovered: false } : { ...page, recovered: true };
}

/** The newest entries of a stream before an id (undefined = of all). Rejects with StoreUnavailable. */
export async function pageBefore(reader: EntryReader, id: string | undefined, limit: number): Promise<Page> {
  const read = await reader.before(id, readFor(limit));
  return newest(read, limit, isFull(read, readFor(limit)));
}

/** The oldest entries of a stream after an id; undefined: it does not continue from it. Rejects with StoreUnavailable. */
export async function pageAfter(reader: EntryReader, id: string, limit: number): Promise<Page | undefined> {
  const read = await reader.from(id, readFor(limit));
  if (!isComplete(id, read)) return undefined;
  return oldest(entriesAfter(id, read), limit, isFull(read, readFor(limit)));
}

/** One room's past: from its ring where that reaches, else from the store. */
export class History {
  readonly #reader: EntryReader;
  readonly #ring: Ring;

  constructor(reader: EntryReader, ring: Ring) {
    this.#reader = reader;
    this.#ring = ring;
  }

  /** Reads what the ring does not have for a cursor; undefined: nothing. Rejects with StoreUnavailable. */
  async fetch({ after, limit }: Cursor): Promise<readonly Entry[] | undefined> {
    if (after !== undefined)
      return this.#ring.covers(after) ? undefined : this.#reader.from(after, readFor(limit));
    if (this.#ring.entries.length >= limit || this.#ring.base === BEGINNING) return undefined;
    // All of it, not only what is older than the ring: in a busy room that would have moved on by then.
    return this.#reader.before(undefined, readFor(limit));
  }

  /** Puts what was fetched and the ring together. Synchronous: the answer holds until the turn ends. */
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

  /** The oldest entries after an id; undefined: the store does not continue from it. Rejects with StoreUnavailable. */
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
    if (!this.#ring.covers(last)) return this.#placeOf(last);
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
    if (!this.#ring.covers(last)) return this.#placeOf(last);
    return oldest([...found, ...this.#ring.after(last)], limit, false);
  }

  /** Where a stream ended whose newest entry the ring does not reach. */
  #placeOf(last: string): "ahead" | "behind" {
    return compareIds(last, this.#ring.base) < 0 ? "behind" : "ahead";
  }
}

/** One more than asked for shows whether there is more, and the cursor's own entry may come along. */
function readFor(limit: number): ReadLimit {
  return { entries: limit + 2, bytes: LIMITS.answerBytes + LIMITS.frameBytes };
}
