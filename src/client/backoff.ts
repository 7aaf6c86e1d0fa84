import type { Random } from "./ports.ts";

/** Milliseconds: the longest first delay. */
export const BACKOFF_BASE_MS = 500;
/** Milliseconds: no delay is longer. */
export const BACKOFF_CAP_MS = 20_000;

/**
 * Full jitter: anything from nothing to the cap of this attempt, so that the clients of a process that
 * ended do not come back in step. `attempt` counts from 0, `jitter` is a random number below 1.
 */
export function backoffMs(attempt: number, jitter: number): number {
  return Math.round(jitter * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt));
}

/** Delays of a row of failures. */
export class Backoff {
  readonly #random: Random;
  #attempt = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const ms = backoffMs(this.#attempt, this.#random());
    this.#attempt += 1;
    return ms;
  }

  /** It worked: the next failure is a first one. */
  reset(): void {
    this.#attempt = 0;
  }
}
