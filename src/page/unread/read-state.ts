import { compareIds, isMessageId } from "../../protocol/ids.ts";
import { readStored, writeStored } from "../user/stored.ts";
import type { ReadMarks } from "./reading.ts";

const PREFIX = "dynochat.read.";

/** The last id that was read in each room, in this browser; all its tabs share it. */
export class ReadState implements ReadMarks {
  /** `changed` is called when another tab has read further in that room. */
  constructor(changed: (room: string) => void) {
    addEventListener("storage", ({ key }) => {
      if (key?.startsWith(PREFIX) === true) changed(key.slice(PREFIX.length));
    });
  }

  /** Returns the last id that was read in a room; undefined for a room that is new to this browser. */
  of(room: string): string | undefined {
    const id = readStored(PREFIX + room);
    return id !== undefined && isMessageId(id) ? id : undefined;
  }

  /** Stores the last id that was read, unless another tab has read further. Returns whether it was stored. */
  advance(room: string, id: string): boolean {
    const before = this.of(room);
    if (before !== undefined && compareIds(id, before) <= 0) return false;
    writeStored(PREFIX + room, id);
    return true;
  }
}

/** Forgets what was read in a room. */
export function forgetRead(room: string): void {
  writeStored(PREFIX + room, "");
}
