import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import type { RoomHead } from "../store.ts";

/** Returns the rooms that have messages, in the order of their newest message, newest first. */
export function newestFirst(heads: readonly RoomHead[]): RoomHead[] {
  return heads
    .filter(({ head }) => head !== BEGINNING)
    .sort((one, other) => compareIds(other.head, one.head));
}
