/** Milliseconds: the longest first delay. */
export const BACKOFF_BASE_MS = 500;
/** Milliseconds: no delay is longer. */
export const BACKOFF_CAP_MS = 20_000;

/**
 * Full jitter: anything from nothing to the cap of this attempt, so that the clients of a process that
 * ended do not come back in step. `attempt` counts from 0, `jitter` is a random number below 1.
 */
export function backoffMs(attempt: number, jitter: number): number {
  return jitter * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}
