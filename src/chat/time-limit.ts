import { LogUnavailable } from "../log/log.ts";

/**
 * Requests that need the log are answered within `LIMITS.unavailableMs`; this much of it is left to
 * wait, the rest is for the answer's own way.
 */
export const LOG_WAIT_MS = 1_800;

/**
 * The promise's outcome, or LogUnavailable after `ms`. What it stood for goes on: whoever waits
 * must not act on it later.
 */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LogUnavailable("no answer in time")), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
