import type { Outgoing } from "../client/outgoing.ts";

/** What one tab has not got sent in one room. */
export interface KeptRoom {
  /** The tab's own word for itself. */
  readonly owner: string;
  readonly room: string;
  readonly items: readonly Outgoing[];
}

/** Keeps unsent messages over reloads, for all tabs. Every call may reject: the page then keeps them in memory only. */
export interface UnsentStore {
  load(): Promise<readonly KeptRoom[]>;
  /** Puts `rows` in place of those of the same owner and room; one without items goes, as do those of `gone`. All or nothing. */
  save(rows: readonly KeptRoom[], gone: readonly KeptRoom[]): Promise<void>;
}

/** What tabs of one site agree on by; a tab that ends, however it ends, lets go of everything. */
export interface TabLocks {
  /** Takes a lock until the tab ends; false if another tab still has it after `waitMs`. */
  hold(name: string, waitMs: number): Promise<boolean>;
  /** Whether any tab holds it. */
  isHeld(name: string): Promise<boolean>;
  /** Runs a task while no other tab runs one of that name. */
  alone(name: string, task: () => Promise<void>): Promise<void>;
}

/** Milliseconds that a reloaded tab waits for what it was before to let go of its name. */
const HOLD_MS = 1_000;
const LOCK = "dynochat.unsent";

export interface UnsentPorts {
  readonly store: UnsentStore;
  readonly locks: TabLocks;
  /** The name this tab had before a reload; a copied tab has the name of another. */
  readonly formerOwner: string | undefined;
  readonly newOwner: () => string;
  /** What is to be sent by this tab now. */
  readonly restored: (room: string, items: readonly Outgoing[]) => void;
}

/**
 * Unsent messages survive a reload, and a closed tab. Each tab keeps its own and holds a lock as long as it lives; what
 * belongs to a tab that lives no more is taken over by the next one that begins, and by that one only.
 */
export class Unsent {
  readonly #ports: UnsentPorts;
  /** The newest list of each room that is not written yet. */
  readonly #changed = new Map<string, readonly Outgoing[]>();
  #owner: string | undefined;
  #isWriting = false;

  constructor(ports: UnsentPorts) {
    this.#ports = ports;
  }

  /** The name under which this tab keeps its messages, to be found again after a reload. */
  get owner(): string | undefined {
    return this.#owner;
  }

  /** Takes a name, and over what nobody has. Rejects where the store or the locks do not work. */
  async begin(): Promise<void> {
    const { locks, formerOwner, newOwner } = this.#ports;
    const isFree = formerOwner !== undefined && (await locks.hold(`${LOCK}.${formerOwner}`, HOLD_MS));
    const owner = isFree ? formerOwner : newOwner();
    if (!isFree) await locks.hold(`${LOCK}.${owner}`, HOLD_MS);
    await locks.alone(LOCK, () => this.#takeOver(owner));
    this.#owner = owner;
    await this.#write();
  }

  /** The unsent messages of a room are these now. */
  keep(room: string, items: readonly Outgoing[]): void {
    this.#changed.set(
      room,
      items.filter((item) => item.state !== "sent"),
    );
    // What could not be written is tried again with the next change.
    this.#write().catch(() => undefined);
  }

  async #takeOver(owner: string): Promise<void> {
    const { store, locks, restored } = this.#ports;
    const rooms = new Map<string, Outgoing[]>();
    const orphans: KeptRoom[] = [];
    for (const kept of await store.load()) {
      const isOwn = kept.owner === owner;
      if (!isOwn && (await locks.isHeld(`${LOCK}.${kept.owner}`))) continue;
      if (!isOwn) orphans.push(kept);
      rooms.set(kept.room, [...(rooms.get(kept.room) ?? []), ...kept.items]);
    }
    const rows = [...rooms].map(([room, items]) => ({ owner, room, items }));
    await store.save(rows, orphans);
    for (const { room, items } of rows) {
      items.sort((a, b) => a.at - b.at);
      restored(room, items);
    }
  }

  /** One write at a time, of what is newest by then. */
  async #write(): Promise<void> {
    const owner = this.#owner;
    if (owner === undefined || this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#changed.size > 0) {
        const rows = [...this.#changed].map(([room, items]) => ({ owner, room, items }));
        this.#changed.clear();
        await this.#ports.store.save(rows, []);
      }
    } finally {
      this.#isWriting = false;
    }
  }
}
