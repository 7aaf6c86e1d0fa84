import { readStored, writeStored } from "../user/stored.ts";

const PREFIX = "dynochat.draft.";

/** Returns the draft of a room, which is kept over reloads; empty if there is none. */
export function draftOf(room: string): string {
  return readStored(PREFIX + room) ?? "";
}

/** Stores the draft of a room. An empty text removes it. */
export function keepDraft(room: string, text: string): void {
  writeStored(PREFIX + room, text);
}
