import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the range from which Linux takes the ports of outgoing connections (32768 on). */
const FIRST = 10_000;
const LAST = 32_000;

/** A TCP port that nobody listens on. Drawn at random, so that test files running side by side do not meet. */
export async function freePort(): Promise<number> {
  while (true) {
    const port = randomInt(FIRST, LAST);
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
