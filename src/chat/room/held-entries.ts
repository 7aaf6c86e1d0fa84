import type { Entry } from "../../store/store.ts";

/**
 * What may arrive while the store is being read. More is dropped: the read or the one after it brings it.
 */
const MOST_HELD = 1_000;

/** The entries of a room that arrived while the chain could not be continued, in the order in which they came. */
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

  /** Removes the first `count` and returns them. */
  takeFirst(count: number): readonly Entry[] {
    return this.#entries.splice(0, count);
  }

  /** Removes and returns all that are held, and whether more came than could be held. */
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
