import { readStored, writeStored } from "./stored.ts";

const PREFIX = "dynochat.draft.";

/** What was begun in a room and not sent; kept over reloads. */
export function draftOf(room: string): string {
  return readStored(PREFIX + room) ?? "";
}

/** An empty text forgets it. */
export function keepDraft(room: string, text: string): void {
  writeStored(PREFIX + room, text);
}
