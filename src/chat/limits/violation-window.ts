/** Counts violations in a sliding window; keeps at most `limit` of them. */
export class ViolationWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #times: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Counts a violation; returns whether it is the `limit`-th within the window. */
  add(now: number = performance.now()): boolean {
    this.#times = [...this.#times.filter((time) => now - time < this.#windowMs), now].slice(-this.#limit);
    return this.#times.length >= this.#limit;
  }

  /** Milliseconds until fewer than `limit` violations are within the window; 0 = now. */
  waitMs(now: number = performance.now()): number {
    const [oldest] = this.#times;
    if (oldest === undefined || this.#times.length < this.#limit) return 0;
    return Math.max(0, Math.ceil(oldest + this.#windowMs - now));
  }

  /** Returns whether no violation is within the window. */
  isEmpty(now: number): boolean {
    const newest = this.#times.at(-1);
    return newest === undefined || now - newest >= this.#windowMs;
  }
}
