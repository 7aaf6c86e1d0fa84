import { randomInt } from "node:crypto";

/**
 * Two forks of a history (a lagging replica was promoted, a snapshot restored) may give out ids of the same
 * millisecond; the random step keeps them apart. With 2^20 as its largest value one failover in 350 would give an
 * id twice, where 3 s are lost of a room with 1,000 messages per second; with 2^32 it is one in a million.
 */
const NONCE_END = 2 ** 32 + 1;

/** What a new id's second part exceeds the one before by, or is in a new millisecond: 1 to 2^32. */
export function randomIncrement(): number {
  return randomInt(1, NONCE_END);
}
