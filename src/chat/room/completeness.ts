import { BEGINNING } from "../../protocol.ts";
import type { Entry } from "../../store/store.ts";

/**
 * Whether a stream that was read from `after` inclusive goes on without a hole after `after`. The one
 * rule for joins, history, catch-up and event streams: the first entry is `after` itself, or its
 * stored `prev` is `after`. That settles trimmed ids, ids lost in a failover, ids from the future or of
 * another room; an expired stream looks like a new one, which only `0-0` fits.
 */
export function isComplete(after: string, read: readonly Entry[]): boolean {
  const first = read[0];
  if (first === undefined) return after === BEGINNING;
  return first.id === after || first.prev === after;
}

/** The entries of an inclusive read that are after `after`. */
export function behind(after: string, read: readonly Entry[]): readonly Entry[] {
  return read[0]?.id === after ? read.slice(1) : read;
}
