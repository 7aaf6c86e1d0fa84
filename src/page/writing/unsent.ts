import type { Outgoing } from "../../client/room/outgoing.ts";

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

/** Bridges the moment until the store has it: written before the call returns, so that a tab may close right after. */
export interface UnsentJournal {
  /** What tabs, also ones that are no more, were about to store; newer than what the store has of the same owner and room. */
  read(): readonly KeptRoom[];
  /** In place of what was written for that owner; without rows nothing is left. */
  write(owner: string, rows: readonly KeptRoom[]): void;
}

/** What tabs of one site agree on by; a tab that ends, however it ends, lets go of everything. */
export interface TabLocks {
  /** Takes a lock until the tab ends or releases it; false if another tab still has it after `waitMs`. */
  hold(name: string, waitMs: number): Promise<boolean>;
  release(name: string): void;
  /** Whether any tab holds it. */
  isHeld(name: string): Promise<boolean>;
  /** Fulfils when no tab holds it. */
  released(name: string): Promise<void>;
  /** Runs a task while no other tab runs one of that name. */
  alone(name: string, task: () => Promise<void>): Promise<void>;
}

/** Milliseconds that a reloaded tab waits for what it was before to let go of its name. */
const HOLD_MS = 1_000;
/** Milliseconds in which a tab that let go of its name may take it again: it was reloaded. */
const RELOAD_MS = 5_000;
const LOCK = "dynochat.unsent";

export interface UnsentPorts {
  readonly store: UnsentStore;
  readonly journal: UnsentJournal;
  readonly locks: TabLocks;
  /** The name this tab had before a reload; a copied tab has the name of another. */
  readonly formerOwner: string | undefined;
  readonly newOwner: () => string;
  /** What is to be sent by this tab now, oldest first. */
  readonly restored: (room: string, items: readonly Outgoing[]) => void;
  /** Fulfils after that many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Unsent messages survive a reload, and a closed tab. Each tab keeps its own and holds a lock as long as it lives; what
 * belongs to a tab that lives no more is taken over by one other: the next one that begins, or one that saw it end.
 */
export class Unsent {
  readonly #ports: UnsentPorts;
  /** The newest list of each room that is not stored yet, also while that is under way. */
  readonly #unwritten = new Map<string, readonly Outgoing[]>();
  /** Rooms in which something is unsent. */
  readonly #waiting = new Set<string>();
  /** Tabs whose end is awaited. */
  readonly #watched = new Set<string>();
  #owner: string | undefined;
  /** What reads and writes the store, one after the other. Never rejects. */
  #lane: Promise<void> = Promise.resolve();

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
    await locks.alone(LOCK, () => this.#takeOver(owner, true));
    this.#owner = owner;
    await this.#writeNext();
  }

  /** The unsent messages of a room are these now. */
  keep(room: string, items: readonly Outgoing[]): void {
    const unsent = items.filter((item) => item.state !== "sent");
    this.#unwritten.set(room, unsent);
    if (unsent.length > 0) this.#waiting.add(room);
    else this.#waiting.delete(room);
    if (this.#owner !== undefined) void this.#writeNext();
  }

  /**
   * The page is left, and may be kept as it is for the way back: a page that holds a lock is not. With something unsent
   * it had better not be kept: nobody else would send that.
   */
  rest(): void {
    if (this.#owner !== undefined && this.#waiting.size === 0)
      this.#ports.locks.release(`${LOCK}.${this.#owner}`);
  }

  /** The page goes on after `rest`. */
  async wake(): Promise<void> {
    const { locks, newOwner } = this.#ports;
    if (this.#owner === undefined || (await locks.hold(`${LOCK}.${this.#owner}`, HOLD_MS))) return;
    // The page that came after this one in the same tab has the name.
    const owner = newOwner();
    await locks.hold(`${LOCK}.${owner}`, HOLD_MS);
    this.#owner = owner;
  }

  /** Another tab has something unsent: this one looks after it when that one ends. */
  noticed(owner: string): void {
    if (owner === this.#owner || this.#watched.has(owner)) return;
    this.#watched.add(owner);
    // Without it the next tab that begins takes over.
    this.#inherit(owner).catch(() => undefined);
  }

  async #inherit(from: string): Promise<void> {
    const { locks, pause } = this.#ports;
    await locks.released(`${LOCK}.${from}`);
    await pause(RELOAD_MS);
    this.#watched.delete(from);
    const owner = this.#owner;
    if (owner === undefined) return;
    await this.#inLane(() => locks.alone(LOCK, () => this.#takeOver(owner, false)));
  }

  /** What nobody has is this tab's from now on; `isFirst`: and so is what it had itself before a reload. */
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

  /** Writes what is newest once the lane is free. */
  #writeNext(): Promise<void> {
    const owner = this.#owner;
    if (owner === undefined) return Promise.resolve();
    this.#ports.journal.write(owner, this.#rows(owner));
    return this.#inLane(() => this.#write(owner));
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

  /** What could not be written is tried again with the next change; the journal has it. */
  #inLane(task: () => Promise<void>): Promise<void> {
    this.#lane = this.#lane.then(task).catch(() => undefined);
    return this.#lane;
  }
}
