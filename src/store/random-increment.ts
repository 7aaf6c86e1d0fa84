import { randomInt } from "node:crypto";

/**
 * Upper bound of the random step, exclusive. Two forks of a history (a lagging replica was promoted, a
 * snapshot restored) may create ids in the same millisecond; the random step makes them differ. With 2^20 as
 * the largest step, one failover in 350 would create an id twice if it loses 3 s of a room with 1,000
 * messages per second; with 2^32 it is one in a million.
 */
const STEP_END = 2 ** 32 + 1;

/**
 * Returns the random step from 1 to 2^32 that is added to the second part of the id before, or to 0 in a new
 * millisecond.
 */
export function randomIncrement(): number {
  return randomInt(1, STEP_END);
}
