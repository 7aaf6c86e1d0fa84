/** One person's allowance: a number of messages, and when it was counted. */
interface Bucket {
  tokens: number;
  at: number;
}

/**
 * What each person may send through this process, over all rooms: the sum that the limit a room, which the
 * log keeps over all processes, does not bound. 0 a second = no limit.
 */
export class Rates {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(burst, 1);
  }

  /** Takes one message from the user's allowance; the result is 0, or the ms until there is one again. */
  take(user: string, now: number = performance.now()): number {
    if (this.#perMs === 0) return 0;
    const bucket = this.#buckets.get(user) ?? { tokens: this.#burst, at: now };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) * this.#perMs);
    bucket.at = now;
    this.#buckets.set(user, bucket);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.#perMs);
    bucket.tokens -= 1;
    return 0;
  }

  /** Forgets everyone whose allowance is whole again; to be called now and then. */
  sweep(now: number = performance.now()): void {
    for (const [user, bucket] of this.#buckets) {
      if (bucket.tokens + (now - bucket.at) * this.#perMs >= this.#burst) this.#buckets.delete(user);
    }
  }
}
