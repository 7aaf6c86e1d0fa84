import type { Outgoing } from "../../client/room/outgoing.ts";

/** The unsent messages of one tab in one room. */
export interface KeptRoom {
  /** The name that the tab chose for itself. */
  readonly owner: string;
  readonly room: string;
  readonly items: readonly Outgoing[];
}

/**
 * Keeps unsent messages over reloads, for all tabs. Every call may reject: the page then keeps them in memory
 * only.
 */
export interface UnsentStore {
  load(): Promise<readonly KeptRoom[]>;
  /**
   * Replaces the rows of the same owner and room by `rows`, and removes those without items and those of
   * `gone`. All or nothing.
   */
  save(rows: readonly KeptRoom[], gone: readonly KeptRoom[]): Promise<void>;
}

/**
 * Keeps messages until the store has them. It is written before the call returns, so a tab may close right
 * after.
 */
export interface UnsentJournal {
  /**
   * Returns what tabs, also closed ones, were about to store. It is newer than what the store has of the same
   * owner and room.
   */
  read(): readonly KeptRoom[];
  /** Replaces what was written for that owner; without rows it is removed. */
  write(owner: string, rows: readonly KeptRoom[]): void;
}

/** Locks that the tabs of one site share. A tab that ends, however it ends, releases all of its locks. */
export interface TabLocks {
  /**
   * Takes a lock until the tab ends or releases it. Returns false if another tab still has it after `waitMs`.
   */
  hold(name: string, waitMs: number): Promise<boolean>;
  release(name: string): void;
  /** Returns whether any tab holds the lock. */
  isHeld(name: string): Promise<boolean>;
  /** Fulfils when no tab holds the lock. */
  released(name: string): Promise<void>;
  /** Runs a task while no other tab runs one with that name. */
  alone(name: string, task: () => Promise<void>): Promise<void>;
}

/** Milliseconds for which a reloaded tab waits until the former page releases its name. */
const HOLD_MS = 1_000;
/**
 * Milliseconds after which the messages of a released name are taken over; before, a reloaded tab may take
 * the name again.
 */
const RELOAD_MS = 5_000;
const LOCK = "dynochat.unsent";

export interface UnsentPorts {
  readonly store: UnsentStore;
  readonly journal: UnsentJournal;
  readonly locks: TabLocks;
  /** The name this tab had before a reload; a copied tab has the name of another. */
  readonly formerOwner: string | undefined;
  readonly newOwner: () => string;
  /** Called with the messages that this tab has to send now, oldest first. */
  readonly restored: (room: string, items: readonly Outgoing[]) => void;
  /** Fulfils after that many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Lets unsent messages survive a reload, and a closed tab. Each tab stores its own, and holds a lock until it
 * ends. Another tab then takes over the messages: the next one that starts, or one that noticed the end.
 */
export class Unsent {
  readonly #ports: UnsentPorts;
  /** The newest list of each room that is not stored yet, also while it is being stored. */
  readonly #unwritten = new Map<string, readonly Outgoing[]>();
  /** Rooms in which something is unsent. */
  readonly #waiting = new Set<string>();
  /** Tabs whose end is awaited. */
  readonly #watched = new Set<string>();
  #owner: string | undefined;
  /** Reads and writes of the store, one after the other. Never rejects. */
  #queue: Promise<void> = Promise.resolve();

  constructor(ports: UnsentPorts) {
    this.#ports = ports;
  }

  /** The name under which this tab keeps its messages, to be found again after a reload. */
  get owner(): string | undefined {
    return this.#owner;
  }

  /**
   * Takes a name, and takes over the messages of tabs that ended. Rejects if the store or the locks do not
   * work.
   */
  async begin(): Promise<void> {
    const { locks, formerOwner, newOwner } = this.#ports;
    const isFree = formerOwner !== undefined && (await locks.hold(`${LOCK}.${formerOwner}`, HOLD_MS));
    const owner = isFree ? formerOwner : newOwner();
    if (!isFree) await locks.hold(`${LOCK}.${owner}`, HOLD_MS);
    await locks.alone(LOCK, () => this.#takeOver(owner, true));
    this.#owner = owner;
    await this.#writeNext();
  }

  /** Stores the unsent messages of a room. */
  keep(room: string, items: readonly Outgoing[]): void {
    const unsent = items.filter((item) => item.state !== "sent");
    this.#unwritten.set(room, unsent);
    if (unsent.length > 0) this.#waiting.add(room);
    else this.#waiting.delete(room);
    if (this.#owner !== undefined) void this.#writeNext();
  }

  /**
   * Releases the lock because the user leaves the page: the browser does not keep a page that holds one for
   * the way back. With unsent messages the lock stays, because no other tab would send the messages of a kept
   * page.
   */
  rest(): void {
    if (this.#owner !== undefined && this.#waiting.size === 0)
      this.#ports.locks.release(`${LOCK}.${this.#owner}`);
  }

  /** Continues after `rest`. */
  async wake(): Promise<void> {
    const { locks, newOwner } = this.#ports;
    if (this.#owner === undefined || (await locks.hold(`${LOCK}.${this.#owner}`, HOLD_MS))) return;
    // The page that followed this one in the same tab has the name.
    const owner = newOwner();
    await locks.hold(`${LOCK}.${owner}`, HOLD_MS);
    this.#owner = owner;
  }

  /** To be called when another tab has something unsent: this one takes it over when that tab ends. */
  noticed(owner: string): void {
    if (owner === this.#owner || this.#watched.has(owner)) return;
    this.#watched.add(owner);
    // If this fails, the next tab that starts takes over.
    this.#inherit(owner).catch(() => undefined);
  }

  async #inherit(from: string): Promise<void> {
    const { locks, pause } = this.#ports;
    await locks.released(`${LOCK}.${from}`);
    await pause(RELOAD_MS);
    this.#watched.delete(from);
    const owner = this.#owner;
    if (owner === undefined) return;
    await this.#enqueue(() => locks.alone(LOCK, () => this.#takeOver(owner, false)));
  }

  /** Takes over the messages of tabs that ended; `isFirst`: also what this tab had before a reload. */
  async #takeOver(owner: string, isFirst: boolean): Promise<void> {
    const { store, journal, locks, restored } = this.#ports;
    const kept = new Map((await store.load()).map((row) => [`${row.owner} ${row.room}`, row]));
    for (const row of journal.read()) kept.set(`${row.owner} ${row.room}`, row);
    const taken = new Map<string, Outgoing[]>();
    const merged = new Map<string, Outgoing[]>();
    const orphans: KeptRoom[] = [];
    const add = (rooms: Map<string, Outgoing[]>, { room, items }: KeptRoom) =>
      rooms.set(room, [...(rooms.get(room) ?? []), ...items]);
    for (const row of kept.values()) {
      const isOwn = row.owner === owner;
      if (!isOwn && (await locks.isHeld(`${LOCK}.${row.owner}`))) {
        this.noticed(row.owner);
        continue;
      }
      if (!isOwn) orphans.push(row);
      add(merged, row);
      if (!isOwn || isFirst) add(taken, row);
    }
    await store.save(
      [...merged].map(([room, items]) => ({ owner, room, items })),
      orphans,
    );
    for (const gone of new Set([...orphans.map((row) => row.owner), ...(isFirst ? [owner] : [])])) {
      journal.write(gone, []);
    }
    for (const [room, items] of taken) {
      if (items.length > 0)
        restored(
          room,
          items.sort((a, b) => a.at - b.at),
        );
    }
  }

  /** Writes the newest lists after the queued tasks. */
  #writeNext(): Promise<void> {
    const owner = this.#owner;
    if (owner === undefined) return Promise.resolve();
    this.#ports.journal.write(owner, this.#rows(owner));
    return this.#enqueue(() => this.#write(owner));
  }

  #rows(owner: string): KeptRoom[] {
    return [...this.#unwritten].map(([room, items]) => ({ owner, room, items }));
  }

  async #write(owner: string): Promise<void> {
    const written = [...this.#unwritten];
    if (written.length === 0) return;
    await this.#ports.store.save(this.#rows(owner), []);
    for (const [room, items] of written) {
      if (this.#unwritten.get(room) === items) this.#unwritten.delete(room);
    }
    this.#ports.journal.write(owner, this.#rows(owner));
  }

  /** Queues a task. What could not be written is tried again with the next change; the journal has it. */
  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(task).catch(() => undefined);
    return this.#queue;
  }
}
