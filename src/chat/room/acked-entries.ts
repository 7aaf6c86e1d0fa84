/** Time after which an acked entry that has not come back on the channel is overdue, ms. */
const ECHO_MS = 1_000;

/**
 * Most entries that are awaited: a room that acks more within `ECHO_MS` shows by that that its channel works.
 */
const MOST_AWAITED = 1_000;

/** The entries of a room that this process stored and has not yet received on the room's channel. */
export class AckedEntries {
  /** Time of the ack by id, as performance.now() tells it. Emptied by `arrived`, `forget` and `clear`. */
  readonly #since = new Map<string, number>();

  /** Notes that an entry was acked. */
  expect(id: string): void {
    if (this.#since.size < MOST_AWAITED) this.#since.set(id, performance.now());
  }

  /** Notes that an entry was received or read. */
  arrived(id: string): void {
    this.#since.delete(id);
  }

  /** Forgets the entries for which `isHere` returns true. */
  forget(isHere: (id: string) => boolean): void {
    for (const id of this.#since.keys()) if (isHere(id)) this.#since.delete(id);
  }

  clear(): void {
    this.#since.clear();
  }

  /** Whether an entry should have been received by now. */
  get isOverdue(): boolean {
    const [oldest] = this.#since.values();
    return oldest !== undefined && performance.now() - oldest > ECHO_MS;
  }
}
