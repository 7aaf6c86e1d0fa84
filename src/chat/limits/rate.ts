/** A token bucket: `perSecond` tokens per second on average, and up to `burst` at once. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number = performance.now()) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(burst, 1);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Takes a token and returns 0; if there is none, returns the ms until there is one again. */
  take(now: number = performance.now()): number {
    this.#tokens = this.#filled(now);
    this.#at = now;
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) / this.#perMs);
    this.#tokens -= 1;
    return 0;
  }

  /** Returns whether the bucket is full. */
  isFull(now: number): boolean {
    return this.#filled(now) >= this.#burst;
  }

  #filled(now: number): number {
    return Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
  }
}

/** A token bucket per key, such as a user or a network, in this process. 0 per second = no limit. */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #burst: number;
  /** By key. Emptied by `sweep`. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /**
   * Takes a token from the bucket of a key and returns 0; if there is none, returns the ms until there is one
   * again.
   */
  take(key: string, now: number = performance.now()): number {
    if (this.#perSecond === 0) return 0;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#perSecond, this.#burst, now);
      this.#buckets.set(key, bucket);
    }
    return bucket.take(now);
  }

  /** Forgets the keys whose bucket is full. To be called regularly. */
  sweep(now: number = performance.now()): void {
    for (const [key, bucket] of this.#buckets) {
      if (bucket.isFull(now)) this.#buckets.delete(key);
    }
  }
}
