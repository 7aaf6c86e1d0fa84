import type { Room } from "../../client/room/room.ts";
import { webLocks } from "./tab-locks.ts";
import { Unsent } from "./unsent.ts";
import { onJournalWritten, storedJournal } from "./unsent-journal.ts";
import { indexedUnsentStore } from "./unsent-store.ts";

/** Key in the session storage, which belongs to one tab and survives its reload. */
const OWNER = "dynochat.tab";
/** Milliseconds after which the page continues without the browser's database. */
const PATIENCE_MS = 2_000;

let unsent: Unsent | undefined;

function formerOwner(): string | undefined {
  try {
    return sessionStorage.getItem(OWNER) ?? undefined;
  } catch {
    return undefined;
  }
}

function rememberOwner(owner: string): void {
  try {
    sessionStorage.setItem(OWNER, owner);
  } catch {
    // Then the next load of this tab finds its messages because their lock is free.
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Keeps the unsent messages of a room in this browser. */
export function keepUnsent(room: Room): void {
  room.on("outgoing", (items) => unsent?.keep(room.name, items));
}

/** To be called when the user leaves the page, which the browser may restore later. */
export function restUnsent(): void {
  unsent?.rest();
}

/** To be called when the browser has restored the page. */
export function wakeUnsent(): void {
  const woken = unsent;
  woken?.wake().then(
    () => rememberOwner(woken.owner ?? ""),
    // Without locks, unsent messages are kept until the page ends.
    () => undefined,
  );
}

/**
 * Restores the messages that were not sent before the page was loaded. Fulfils when that is done, or when it
 * takes too long or cannot be done here: then unsent messages are kept until the page ends.
 */
export async function takeBackUnsent(join: (room: string) => Room): Promise<void> {
  const locks = webLocks();
  if (locks === undefined) return;
  const begun = new Unsent({
    store: indexedUnsentStore,
    journal: storedJournal,
    locks,
    formerOwner: formerOwner(),
    newOwner: () => crypto.randomUUID(),
    restored: (room, items) => join(room).restore(items),
    pause,
  });
  unsent = begun;
  onJournalWritten((owner) => begun.noticed(owner));
  const beginning = begun.begin().then(
    () => rememberOwner(begun.owner ?? ""),
    () => {
      unsent = undefined;
    },
  );
  await Promise.race([beginning, pause(PATIENCE_MS)]);
}
