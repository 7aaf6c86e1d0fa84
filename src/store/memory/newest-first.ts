import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import type { RoomHead } from "../store.ts";

/** The rooms that have messages, the one spoken in last first. */
export function newestFirst(heads: readonly RoomHead[]): RoomHead[] {
  return heads
    .filter(({ head }) => head !== BEGINNING)
    .sort((one, other) => compareIds(other.head, one.head));
}
