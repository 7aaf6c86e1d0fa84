import { BEGINNING } from "../../protocol/ids.ts";
import type { Entry } from "../../store/store.ts";

/** The newest frames of one room: enough that everyone who returns after a deploy is served from memory. */
export const RING = { entries: 200, bytes: 128 * 1024 } as const;

/** What all rings of a process may hold together, bytes of frames. */
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

/** An unbroken run of a room's newest entries; knows what it does and does not reach back to. */
export class Ring {
  #entries: Entry[] = [];
  readonly #ids = new Set<string>();
  #bytes = 0;
  /** The id before the oldest entry held. */
  #base = BEGINNING;
  /** The id of the newest entry that was ever added. */
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

  /** Whether everything after `after` is held. */
  covers(after: string): boolean {
    return after === this.#base || after === this.#head || this.#ids.has(after);
  }

  /** What is held after `after`, which must be covered. */
  after(after: string): readonly Entry[] {
    if (after === this.#head) return [];
    if (after === this.#base) return this.#entries;
    return this.#entries.slice(this.#entries.findIndex((entry) => entry.id === after) + 1);
  }

  /** Forgets everything and begins anew with a run of entries, oldest first. */
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
