import { setTimeout as sleep } from "node:timers/promises";

const TICK_MS = 1;

/** A stretch of time in which messages are sent evenly. */
export interface Stretch {
  /** Messages per second. */
  readonly rate: number;
  readonly ms: number;
}

/**
 * Calls `send` as often as the stretches say, one after the other; what this process was too busy for is made
 * up at the next tick. Fulfils with how often it was called, which is always all of them.
 */
export async function paced(stretches: readonly Stretch[], send: (index: number) => void): Promise<number> {
  const all = dueAfter(stretches, Number.POSITIVE_INFINITY);
  const began = performance.now();
  let done = 0;
  while (done < all) {
    const due = dueAfter(stretches, performance.now() - began);
    for (; done < due; done += 1) send(done);
    await sleep(TICK_MS);
  }
  return done;
}

/** Messages that are to be sent within the first `ms`. */
function dueAfter(stretches: readonly Stretch[], ms: number): number {
  let due = 0;
  let left = ms;
  for (const stretch of stretches) {
    due += Math.min(
      Math.round((stretch.rate * stretch.ms) / 1_000),
      Math.ceil((stretch.rate * left) / 1_000),
    );
    left -= Math.min(left, stretch.ms);
    if (left === 0) break;
  }
  return due;
}
