import { readStored, storedKeys, writeStored } from "../user/stored.ts";
import type { KeptRoom, UnsentJournal } from "./unsent.ts";
import { isKeptRoom } from "./unsent-store.ts";

const PREFIX = "dynochat.unsent.";

function rowsOf(key: string): readonly KeptRoom[] {
  try {
    const rows: unknown = JSON.parse(readStored(key) ?? "[]");
    return Array.isArray(rows) ? rows.filter(isKeptRoom) : [];
  } catch {
    return [];
  }
}

/**
 * The journal in localStorage, because the browser's database writes later, and a tab that closes does not
 * wait for it.
 */
export const storedJournal: UnsentJournal = {
  read: () => storedKeys(PREFIX).flatMap(rowsOf),
  write: (owner, rows) => writeStored(PREFIX + owner, rows.length === 0 ? "" : JSON.stringify(rows)),
};

/** Calls `noticed` with the owner name of each other tab that writes its journal. */
export function onJournalWritten(noticed: (owner: string) => void): void {
  addEventListener("storage", ({ key, newValue }) => {
    if (newValue !== null && key?.startsWith(PREFIX) === true) noticed(key.slice(PREFIX.length));
  });
}
