/** An acked entry that has not come back on the channel after this time is suspicious, ms. */
const ECHO_MS = 1_000;

/** What is awaited at most: a room that acks more in `ECHO_MS` is seen to be alive anyway. */
const AWAITED = 1_000;

/** The entries of a room that this process had stored and has not seen on the room's channel yet. */
export class AckedEntries {
  /** Since when, by id. Emptied by `arrived`, `forget` and `clear`. */
  readonly #since = new Map<string, number>();

  /** One was acked. */
  expect(id: string): void {
    if (this.#since.size < AWAITED) this.#since.set(id, performance.now());
  }

  /** It came, or was read. */
  arrived(id: string): void {
    this.#since.delete(id);
  }

  /** Forgets those that the room has all the same. */
  forget(isHere: (id: string) => boolean): void {
    for (const id of this.#since.keys()) if (isHere(id)) this.#since.delete(id);
  }

  clear(): void {
    this.#since.clear();
  }

  /** Whether one should have come by now. */
  get isOverdue(): boolean {
    const [oldest] = this.#since.values();
    return oldest !== undefined && performance.now() - oldest > ECHO_MS;
  }
}
