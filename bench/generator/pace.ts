import { setTimeout as sleep } from "node:timers/promises";

const TICK_MS = 1;

/**
 * Calls `send` `rate` times a second for `durationMs`, evenly; what this process was too busy for is made up at the next
 * tick. Fulfils with how often it was called, which is always all of them.
 */
export async function paced(
  rate: number,
  durationMs: number,
  send: (index: number) => void,
): Promise<number> {
  const all = Math.round((rate * durationMs) / 1_000);
  const began = performance.now();
  let done = 0;
  while (done < all) {
    const due = Math.min(all, Math.ceil(((performance.now() - began) * rate) / 1_000));
    for (; done < due; done += 1) send(done);
    await sleep(TICK_MS);
  }
  return done;
}
