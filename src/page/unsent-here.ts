import type { Room } from "../client/room.ts";
import { webLocks } from "./tab-locks.ts";
import { Unsent } from "./unsent.ts";
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

/** Keeps what is not sent in a room, in this browser. */
export function keepUnsent(room: Room): void {
  room.on("outgoing", (items) => unsent?.keep(room.name, items));
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
    locks,
    formerOwner: formerOwner(),
    newOwner: () => crypto.randomUUID(),
    restored: (room, items) => join(room).restore(items),
  });
  unsent = begun;
  const beginning = begun.begin().then(
    () => rememberOwner(begun.owner ?? ""),
    () => {
      unsent = undefined;
    },
  );
  await Promise.race([beginning, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}
