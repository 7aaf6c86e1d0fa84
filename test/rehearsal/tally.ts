import { compareIds } from "../../src/protocol/ids.ts";
import type { Logs, Testimony } from "../checker/verdict.ts";

/** Messages that are not as they should be, over all clients. */
export interface Faults {
  /** Stored, and not shown to a client that was there; or called sent, and not stored. */
  readonly lost: number;
  /** Shown to a client twice, or stored twice. */
  readonly doubled: number;
  /** Shown to a client after a later one. */
  readonly reordered: number;
}

/**
 * Counts what was lost, doubled and reordered. `judge` of the checker finds the same and more, with ids and
 * texts; this is the figure.
 */
export function countFaults(logs: Logs, testimonies: readonly Testimony[]): Faults {
  let [lost, doubled, reordered] = [0, 0, 0];
  for (const { user, sends, shown } of testimonies) {
    for (const { room, key, sent } of sends) {
      const copies = (logs.get(room) ?? []).filter(
        (entry) => entry.user === user && entry.key === key,
      ).length;
      if (sent && copies === 0) lost += 1;
      if (copies > 1) doubled += copies - 1;
    }
    for (const [room, messages] of shown) {
      const ids = messages.map(({ id }) => id);
      const different = new Set(ids);
      doubled += ids.length - different.size;
      reordered += ids.filter((id, at) => at > 0 && compareIds(id, ids[at - 1] ?? id) < 0).length;
      const [first] = ids;
      if (first === undefined) continue;
      lost += (logs.get(room) ?? []).filter(
        ({ id }) => compareIds(id, first) >= 0 && !different.has(id),
      ).length;
    }
  }
  return { lost, doubled, reordered };
}
