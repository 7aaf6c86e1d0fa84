import { compareIds, isMessageId } from "../../protocol/ids.ts";
import { readStored, writeStored } from "../user/stored.ts";
import type { ReadMarks } from "./reading.ts";

const PREFIX = "dynochat.read.";

/** Up to where each room was read, in this browser: all its tabs share it. */
export class ReadState implements ReadMarks {
  /** `changed`: another tab has read on in that room. */
  constructor(changed: (room: string) => void) {
    addEventListener("storage", ({ key }) => {
      if (key?.startsWith(PREFIX) === true) changed(key.slice(PREFIX.length));
    });
  }

  /** The last id that was seen there; undefined in a room that is new to this browser. */
  of(room: string): string | undefined {
    const id = readStored(PREFIX + room);
    return id !== undefined && isMessageId(id) ? id : undefined;
  }

  /** Never goes back: another tab may have read further. Returns whether it went on. */
  advance(room: string, id: string): boolean {
    const before = this.of(room);
    if (before !== undefined && compareIds(id, before) <= 0) return false;
    writeStored(PREFIX + room, id);
    return true;
  }
}

/** The room is not remembered any more. */
export function forgetRead(room: string): void {
  writeStored(PREFIX + room, "");
}
