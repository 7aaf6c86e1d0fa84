/**
 * Before the first connection is closed, ms: a router may take a second to learn that nobody new is to come here, and
 * the client library opens its next connection per second before this one ends.
 */
const HEADWAY_MS = 2_000;

/** Connections a second that are moved, where the time allows: whoever takes them over hardly notices. */
const MOVES_PER_SECOND = 20;

/**
 * When each of `count` connections is closed, ms from now, the earliest first: spread evenly, so that no second brings
 * more reconnects than another. All lie within `usableMs`.
 */
export function drainSchedule(count: number, usableMs: number): readonly number[] {
  const headway = Math.min(HEADWAY_MS, usableMs / 4);
  const spread = Math.min((count / MOVES_PER_SECOND) * 1_000, usableMs - headway);
  return Array.from({ length: count }, (_, index) => Math.round(headway + (spread * (index + 1)) / count));
}
