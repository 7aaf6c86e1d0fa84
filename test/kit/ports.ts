import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range from which Linux takes the ports of outgoing connections (32768 on). */
const FIRST = 10_000;
const LAST = 32_000;

/**
 * Each worker of the test runner draws from a range of its own: who gets a port binds it only a second or so
 * later.
 */
const RANGES = 8;
const RANGE = Math.floor((LAST - FIRST) / RANGES);
/** The only port of this range that `fetch` refuses to connect to (WHATWG Fetch, "bad port"). */
const REFUSED_BY_FETCH = 10_080;
/** Those drawn in this process. */
const drawn = new Set([REFUSED_BY_FETCH]);

/**
 * A TCP port on which no program listens, and that no test of this run is given while this one's file lasts.
 * Drawn at random, so that runs side by side hardly meet.
 */
export async function freePort(): Promise<number> {
  const first = FIRST + (Number(process.env["VITEST_POOL_ID"] ?? 0) % RANGES) * RANGE;
  while (true) {
    const port = randomInt(first, first + RANGE);
    if (drawn.has(port)) continue;
    drawn.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, () => probe.close(() => resolve(true)));
  });
}
