import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

/** How long a test waits for something that should happen soon, ms; generous, because it is only reached in failure. */
const PATIENCE_MS = 10_000;
const POLL_MS = 10;

/**
 * Polls `condition` until it gives something truthy, and gives that.
 * Rejects after `timeoutMs`, naming `what` was awaited; a condition that throws or rejects ends the wait. The last look
 * begins after that time: where this process stood still, what came meanwhile has been read by then.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = PATIENCE_MS,
): Promise<Exclude<T, false | undefined | null | 0 | "">> {
  const deadline = performance.now() + timeoutMs;
  while (true) {
    const isLast = performance.now() > deadline;
    const value = await condition();
    if (isTruthy(value)) return value;
    if (isLast) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(POLL_MS);
  }
}

/** The outcome of `promise`, or a rejection that names `what` was awaited. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
  const abort = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: abort.signal }).then(async () => {
    // As above: timers run before what waits in the sockets is read.
    await turn();
    throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
    late.catch(() => undefined);
  }
}

/** A promise and what settles it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}

function isTruthy<T>(value: T): value is Exclude<T, false | undefined | null | 0 | ""> {
  return Boolean(value);
}
