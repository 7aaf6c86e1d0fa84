import { BEGINNING } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { entryOf } from "../../store/entry.ts";
import type { Entry, MessageStore, ReadLimit } from "../../store/store.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import { checkedEntry } from "./checked-entry.ts";

/**
 * Reads the entries of one room from the store, and checks them. Reads for clients are shared: a thousand
 * clients that ask for the same at once cost one read. All calls reject with StoreUnavailable as the store's
 * own do.
 */
export class EntryReader {
  readonly #store: MessageStore;
  readonly #room: string;
  readonly #slots: ReadSlots;
  /**
   * Reads under way by their arguments; each is removed when it ends, and all end by the store's time limit.
   */
  readonly #underWay = new Map<string, Promise<Entry[]>>();

  constructor(store: MessageStore, room: string, slots: ReadSlots) {
    this.#store = store;
    this.#room = room;
    this.#slots = slots;
  }

  /**
   * As `MessageStore.readFrom`, never shared: a read that was under way before may not have what was missed
   * since.
   */
  freshFrom(id: string, limit: ReadLimit): Promise<Entry[]> {
    return this.#checked(this.#store.readFrom(this.#room, id, limit));
  }

  /** Reads the newest entries for a room that a client opens. */
  first(limit: ReadLimit): Promise<Entry[]> {
    return this.#checked(this.#slots.run(() => this.#store.readBefore(this.#room, undefined, limit)));
  }

  /** Reads the newest entries, without waiting for a slot. */
  freshNewest(limit: ReadLimit): Promise<Entry[]> {
    return this.#checked(this.#store.readBefore(this.#room, undefined, limit));
  }

  /** As `MessageStore.readFrom`, shared. */
  from(id: string, limit: ReadLimit): Promise<Entry[]> {
    return this.#shared(`from ${id} ${limit.entries} ${limit.bytes}`, () =>
      this.#store.readFrom(this.#room, id, limit),
    );
  }

  /** As `MessageStore.readBefore`, shared. */
  before(id: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    return this.#shared(`before ${id ?? ""} ${limit.entries} ${limit.bytes}`, () =>
      this.#store.readBefore(this.#room, id, limit),
    );
  }

  #shared(name: string, read: () => Promise<Entry[]>): Promise<Entry[]> {
    const underWay = this.#underWay.get(name);
    if (underWay !== undefined) return underWay;
    const reading = this.#checked(this.#slots.run(read)).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, reading);
    return reading;
  }

  async #checked(reading: Promise<Entry[]>): Promise<Entry[]> {
    const entries = await reading;
    return entries.map(
      (entry) => checkedEntry(this.#room, entry.frame, entry.access) ?? this.#unreadable(entry),
    );
  }

  /** Returns a placeholder for an entry that no client could read, so that the chain of ids has no gap. */
  #unreadable({ id, prev }: Entry): Entry {
    return entryOf(id, prev, `"type":"unreadable","room":"${this.#room}"}`);
  }
}

/**
 * Returns whether a read may have ended because of its limit, so that the store may have more entries. A read
 * stops before the entry that would exceed the limit, so it counts as full if another entry of the largest
 * size would not have fitted.
 */
export function isFull(read: readonly Entry[], limit: ReadLimit): boolean {
  return read.length >= limit.entries || sizeOf(read) + LIMITS.frameBytes > limit.bytes;
}

/** Returns the bytes of the frames of entries. */
export function sizeOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.frame.length;
  return bytes;
}

/**
 * Returns whether a stream that was read from `after` inclusive continues after `after` without a gap. Joins,
 * history, catch-up and event streams all use this rule: the first entry is `after` itself, or its stored
 * `prev` is `after`. It covers trimmed ids, ids lost in a failover, ids from the future and ids of another
 * room; an expired stream looks like a new one, which only `0-0` fits.
 */
export function isComplete(after: string, read: readonly Entry[]): boolean {
  const first = read[0];
  if (first === undefined) return after === BEGINNING;
  return first.id === after || first.prev === after;
}

/** Returns the entries of an inclusive read that are after `after`. */
export function entriesAfter(after: string, read: readonly Entry[]): readonly Entry[] {
  return read[0]?.id === after ? read.slice(1) : read;
}
