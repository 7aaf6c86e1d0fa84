/**
 * Estimates Redis's clock: a time that Redis has certainly reached.
 * A sample means that Redis's clock showed `serverMs` at some moment between request and reply. Assuming the
 * moment of the reply makes the estimate early, never late, so a deadline made from it is never too long.
 */
export class ServerClock {
  #ahead: number | undefined;
  readonly #monotonic: () => number;

  /** @param monotonic returns milliseconds that only grow; the wall clock may be set while this runs. */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** To be called when the reply arrives; replaces the sample before. */
  sampled(serverMs: number): void {
    this.#ahead = serverMs - this.#monotonic();
  }

  /** Whether there was a sample. */
  get isKnown(): boolean {
    return this.#ahead !== undefined;
  }

  /**
   * Returns the milliseconds since 1970 that Redis's clock shows at least. Throws if there was no sample yet.
   */
  now(): number {
    if (this.#ahead === undefined) throw new Error("the server's clock was never read");
    return this.#monotonic() + this.#ahead;
  }
}
