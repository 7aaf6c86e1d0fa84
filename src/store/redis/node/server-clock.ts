/**
 * Redis's clock as far as it can be known here: a time that Redis has reached for certain.
 *
 * A sample says that at some moment between asking and the reply Redis's clock showed `serverMs`. Taking
 * that moment to be the reply's errs early, never late, so a deadline made from it is never too generous.
 */
export class ServerClock {
  #ahead: number | undefined;
  readonly #monotonic: () => number;

  /** @param monotonic milliseconds that only grow; the wall clock may be set while this runs. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** To be called when the reply arrives; the newest sample replaces the one before. */
  sampled(serverMs: number): void {
    this.#ahead = serverMs - this.#monotonic();
  }

  /** Milliseconds since 1970 that Redis's clock shows at least. Throws if there was no sample yet. */
  now(): number {
    if (this.#ahead === undefined) throw new Error("the server's clock was never read");
    return this.#monotonic() + this.#ahead;
  }
}
