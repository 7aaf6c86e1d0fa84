import { afterwards } from "../vitest/cleanup.ts";

const TICK_MS = 10;
/** What passes between two looks at the most; the rest of the time this process stood still. */
const LONGEST_MS = 50;

/**
 * Measures time, ms, and stands still while this process does: on a machine that stops for seconds nothing seems to have
 * taken that long. Ends with the test.
 */
export function awakeClock(): { now(): number } {
  let awake = 0;
  let seen = performance.now();
  const look = (): number => {
    const now = performance.now();
    awake += Math.min(now - seen, LONGEST_MS);
    seen = now;
    return awake;
  };
  const timer = setInterval(look, TICK_MS);
  afterwards(() => clearInterval(timer));
  return { now: look };
}
