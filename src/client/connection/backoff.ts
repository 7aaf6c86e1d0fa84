import { STAY_AWAY_CAP_MS } from "./timing.ts";

/** Milliseconds: the longest first delay. */
export const BACKOFF_BASE_MS = 500;
/** Milliseconds: no delay is longer. */
export const BACKOFF_CAP_MS = 20_000;
/** The smallest share of a delay's cap that is waited: delays grow also where the random numbers are small. */
const LEAST_SHARE = 0.03;

/**
 * Full jitter: anything from almost nothing to the cap of this attempt, so that the clients of a process that
 * ended do not come back in step. `attempt` counts from 0, `jitter` is a random number below 1.
 */
export function backoffMs(attempt: number, jitter: number): number {
  return Math.max(jitter, LEAST_SHARE) * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}

/**
 * Returns the milliseconds that a server asked to wait, from 0 to 10 minutes: 0 where it sent no number or a negative one.
 * A timer takes what is too long for it as no time at all.
 */
export function toldMs(value: unknown): number {
  return Math.min(Math.max(Number(value) || 0, 0), STAY_AWAY_CAP_MS);
}
