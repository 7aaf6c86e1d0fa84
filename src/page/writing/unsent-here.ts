import type { Room } from "../../client/room/room.ts";
import { webLocks } from "./tab-locks.ts";
import { Unsent } from "./unsent.ts";
import { onJournalWritten, storedJournal } from "./unsent-journal.ts";
import { indexedUnsentStore } from "./unsent-store.ts";

/** In the session's storage: it belongs to one tab and survives its reload. */
const OWNER = "dynochat.tab";
/** Milliseconds that the page waits for the browser's database before it goes on without. */
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
    // Then the next load of this tab finds its messages by the lock that this one left.
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Keeps what is not sent in a room, in this browser. */
export function keepUnsent(room: Room): void {
  room.on("outgoing", (items) => unsent?.keep(room.name, items));
}

/** The page is left, and may come back as it is. */
export function restUnsent(): void {
  unsent?.rest();
}

/** It came back. */
export function wakeUnsent(): void {
  const woken = unsent;
  woken?.wake().then(
    () => rememberOwner(woken.owner ?? ""),
    // Without the locks messages live as long as the page.
    () => undefined,
  );
}

/**
 * Gives the rooms back what was not sent before the page was loaded. Fulfils when that is done, or when it takes
 * too long or cannot be done here: then messages live as long as the page.
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
