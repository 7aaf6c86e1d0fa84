import { BEGINNING } from "../../protocol/ids.ts";
import type { Entry } from "../../store/store.ts";

/**
 * What the ring of one room holds at most: enough that clients that return after a deploy are served from
 * memory.
 */
export const RING = { entries: 200, bytes: 128 * 1024 } as const;

/** Bytes of frames that all rings of a process may hold together. */
export const RING_BUDGET_BYTES = 64 * 1024 * 1024;

/** Counts the bytes of all rings that share it. Over its limit each ring keeps only its newest entry. */
export class RingBudget {
  #used = 0;
  readonly #limit: number;

  constructor(limit: number = RING_BUDGET_BYTES) {
    this.#limit = limit;
  }

  get exceeded(): boolean {
    return this.#used > this.#limit;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The newest entries of a room, without a gap. */
export class Ring {
  #entries: Entry[] = [];
  readonly #ids = new Set<string>();
  #bytes = 0;
  /** The id before the oldest entry that is held. */
  #base = BEGINNING;
  /** The id of the newest entry. */
  #head = BEGINNING;
  readonly #budget: RingBudget;

  constructor(budget: RingBudget) {
    this.#budget = budget;
  }

  get head(): string {
    return this.#head;
  }

  get base(): string {
    return this.#base;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds the entry after the head; `entry.prev` must be the head. */
  add(entry: Entry): void {
    if (this.#entries.length === 0) this.#base = entry.prev;
    this.#entries.push(entry);
    this.#ids.add(entry.id);
    this.#head = entry.id;
    this.#bytes += entry.frame.length;
    this.#budget.take(entry.frame.length);
    this.#trim();
  }

  /** Returns whether everything after `after` is held. */
  covers(after: string): boolean {
    return after === this.#base || after === this.#head || this.#ids.has(after);
  }

  /** Returns the entries after `after`, which must be covered. */
  after(after: string): readonly Entry[] {
    if (after === this.#head) return [];
    if (after === this.#base) return this.#entries;
    return this.#entries.slice(this.#entries.findIndex((entry) => entry.id === after) + 1);
  }

  /** Replaces all entries by a run without a gap, oldest first. */
  replace(run: readonly Entry[]): void {
    this.clear();
    this.#base = run[0]?.prev ?? BEGINNING;
    this.#head = this.#base;
    for (const entry of run) this.add(entry);
  }

  clear(): void {
    this.#budget.release(this.#bytes);
    this.#entries = [];
    this.#ids.clear();
    this.#bytes = 0;
    this.#base = BEGINNING;
    this.#head = BEGINNING;
  }

  #trim(): void {
    while (
      this.#entries.length > RING.entries ||
      (this.#entries.length > 1 && (this.#bytes > RING.bytes || this.#budget.exceeded))
    ) {
      const oldest = this.#entries.shift();
      if (oldest === undefined) return;
      this.#ids.delete(oldest.id);
      this.#bytes -= oldest.frame.length;
      this.#budget.release(oldest.frame.length);
      this.#base = oldest.id;
    }
  }
}
