import { STAY_AWAY_CAP_MS } from "./timing.ts";

/** Milliseconds of the longest first delay. */
export const BACKOFF_BASE_MS = 500;
/** Milliseconds of the longest delay. */
export const BACKOFF_CAP_MS = 20_000;
/** Smallest share of a delay's cap, so that delays grow even if the random numbers are small. */
const LEAST_SHARE = 0.03;

/**
 * Returns a delay in ms with full jitter: from almost nothing to the cap of this attempt, so that the clients
 * of a process that ended do not reconnect at the same time. `attempt` counts from 0, `jitter` is a random
 * number below 1.
 */
export function backoffMs(attempt: number, jitter: number): number {
  return Math.max(jitter, LEAST_SHARE) * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}

/**
 * Returns the milliseconds that a server asked to wait, from 0 to 10 minutes; 0 if it sent no number or a
 * negative one. Limited, because a timer fires at once if its time is too long for it.
 */
export function toldMs(value: unknown): number {
  return Math.min(Math.max(Number(value) || 0, 0), STAY_AWAY_CAP_MS);
}
