import type { Entry } from "../../store/store.ts";

/**
 * Most entries that are held while the store is read. More are dropped: this read or the next one brings
 * them.
 */
const MOST_HELD = 1_000;

/** The entries of a room that arrived while they could not continue the chain, in order of arrival. */
export class HeldEntries {
  #entries: Entry[] = [];
  #isOverflowed = false;

  get size(): number {
    return this.#entries.length;
  }

  add(entry: Entry): void {
    if (this.#entries.length >= MOST_HELD) this.#isOverflowed = true;
    else this.#entries.push(entry);
  }

  /** Removes and returns the first `count` entries. */
  takeFirst(count: number): readonly Entry[] {
    return this.#entries.splice(0, count);
  }

  /** Removes and returns all entries, and tells whether some were dropped. */
  takeAll(): { readonly entries: readonly Entry[]; readonly isOverflowed: boolean } {
    const taken = { entries: this.#entries, isOverflowed: this.#isOverflowed };
    this.clear();
    return taken;
  }

  clear(): void {
    this.#entries = [];
    this.#isOverflowed = false;
  }
}
