import { setTimeout as sleep } from "node:timers/promises";
import { connectV1 } from "../clients/v1-client.ts";
import { afterwards } from "./cleanup.ts";
import { waitFor } from "./wait-for.ts";

/** Between two questions, ms. */
const PAUSE_MS = 100;

/**
 * How late the machine is, which is no fault of the program's: to be taken off the times that a test judges.
 */
export interface Lateness {
  /** Since the beginning, ms. */
  readonly totalMs: number;
  /** The total, once everything up to now is in it. */
  caughtUp(): Promise<number>;
}

/**
 * Asks a process ten times per second for what needs nothing but the process itself, over a connection of its
 * own, and adds up by how much the answers, or the questions, came late. Ends with the test.
 */
export async function watchLateness(wsUrl: string): Promise<Lateness> {
  const probe = await connectV1(wsUrl);
  let totalMs = 0;
  let rounds = 0;
  let watching = true;
  afterwards(() => {
    watching = false;
  });
  const watch = async (): Promise<void> => {
    for (let begun = performance.now(); watching; rounds += 1) {
      await sleep(PAUSE_MS);
      await probe.request({ type: "ping" });
      const now = performance.now();
      totalMs += Math.max(0, now - begun - PAUSE_MS);
      begun = now;
    }
  };
  // What ends it is the end of the test; a caller that waits for a round meanwhile is told that none comes.
  watch().catch(() => undefined);
  return {
    get totalMs() {
      return totalMs;
    },
    caughtUp: async () => {
      const wanted = rounds + 1;
      await waitFor(() => rounds >= wanted, "the machine's lateness is known");
      return totalMs;
    },
  };
}
