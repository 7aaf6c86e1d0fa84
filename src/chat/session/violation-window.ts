/** Counts offences of one connection in a sliding window; remembers no more than `limit` of them. */
export class ViolationWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #times: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** One more. True if it is the `limit`-th within the window. */
  add(now: number = performance.now()): boolean {
    this.#times = [...this.#times.filter((time) => now - time < this.#windowMs), now].slice(-this.#limit);
    return this.#times.length >= this.#limit;
  }
}
