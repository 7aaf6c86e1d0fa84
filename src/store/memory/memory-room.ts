import { compareIds, timeOf } from "../../protocol/ids.ts";
import { includes } from "../../protocol/rights.ts";
import type { AccessChange } from "../access.ts";
import { accessBody, entryOf } from "../entry.ts";
import { type GuestLimits, NEW_GUEST_BURST, RoomGuests } from "../guest-limits.ts";
import { type Made, PASSING, type QuotaGrant } from "../quotas.ts";
import { randomIncrement } from "../random-increment.ts";
import type { Append, Appended, Entry, ReadLimit, StoreLimits } from "../store.ts";
import { HandleClaims } from "./handle-claims.ts";
import { MemoryAccess } from "./memory-access.ts";
import { SenderMemory } from "./sender.ts";

const DAY_MS = 86_400_000;
/** Bytes that Node uses per room, and per entry besides its frame, as measured. */
const ROOM_BYTES = 800;
const ENTRY_BYTES = 300;

/** The text before the handle in a body. Inside a JSON string its quotes would be escaped. */
const BEFORE_HANDLE = ',"handle":"';
const BEHIND_HANDLE = '","text":"';

/** One room of the memory store: its entries, and what is remembered of its senders. */
export class MemoryRoom {
  readonly #limits: StoreLimits;
  #entries: Entry[] = [];
  #bytes = 0;
  /** The newest id, which is kept when its entry is removed. */
  #lastMs = 0;
  #lastNumber = 0;
  /** Senders by user id. Emptied by `sweep`. */
  readonly #senders = new Map<string, SenderMemory>();
  readonly #guestLimits: GuestLimits;
  readonly #roomGuests = new RoomGuests();
  #senderBytes = 0;
  /** User ids of the senders that are guests. Emptied as `#senders` is. */
  readonly #guests = new Set<string>();
  readonly access = new MemoryAccess();
  /** The users' claims of handles. */
  readonly handles = new HandleClaims(randomIncrement);

  /** @param guestLimits the limits of guests, shared by all rooms. */
  constructor(limits: StoreLimits, guestLimits: GuestLimits) {
    this.#limits = limits;
    this.#guestLimits = guestLimits;
  }

  /** Approximate bytes of memory: entries, senders and what is remembered of them. */
  get bytes(): number {
    return (
      ROOM_BYTES + this.access.bytes + this.#bytes + ENTRY_BYTES * this.#entries.length + this.#senderBytes
    );
  }

  /** The newest id; `0-0` if the room is empty. */
  get head(): string {
    return this.#entries.at(-1)?.id ?? "0-0";
  }

  /** Whether nothing is left that could affect a later call. */
  get isEmpty(): boolean {
    const isForgotten = this.#senders.size === 0 && this.handles.isEmpty && this.access.isEmpty;
    return this.#entries.length === 0 && isForgotten;
  }

  /**
   * Stores a message, with the checks in the order of the Redis store's script. Returns the entry, and what
   * it created, if it was stored.
   * @param forAllRooms the rules that hold besides the room's.
   */
  append(
    message: Append,
    grant: QuotaGrant,
    now: number,
    forAllRooms?: MemoryAccess,
  ): { readonly appended: Appended; readonly entry?: Entry; readonly made?: Made } {
    const { user, guest, key } = message;
    const known = this.#senders.get(user);
    const sender = known ?? this.#newSender(message, now);
    const id = key === undefined ? undefined : sender.idOf(key, now);
    if (id !== undefined) return { appended: { outcome: "duplicate", id } };
    const retryAfterMs = sender.waitMs(now);
    if (retryAfterMs > 0) return { appended: { outcome: "rate-limited", limit: "user", retryAfterMs } };
    const refusal = guest && this.#guestLimits.refusal(this.#roomGuests, guest.network, now);
    if (refusal !== undefined) return { appended: { outcome: "rate-limited", ...refusal } };
    for (const rules of [forAllRooms, this.access]) {
      const right = rules?.allowed(message, now) ?? "write";
      if (!includes(right, "write")) return { appended: { outcome: "forbidden", right } };
    }
    const made = { room: this.#entries.length === 0, writer: known === undefined };
    if (made.room && grant.room !== undefined) return { appended: grant.room };
    if (made.writer && grant.writer !== undefined) return { appended: grant.writer };
    const handle = this.#settledHandle(message, now);
    const body = handle === undefined ? message.body : withHandle(message.body, handle);
    const entry = entryOf(this.#nextId(now), this.head, body);
    this.#entries.push(entry);
    this.#bytes += entry.frame.length;
    this.#trim(now);
    if (known !== undefined) this.#senderBytes -= known.bytes;
    sender.stored(key, entry.id, now);
    this.#senderBytes += sender.bytes;
    if (guest !== undefined) {
      this.#guestLimits.stored(this.#roomGuests, guest.network, now);
      this.#guests.add(user);
    }
    // Only now, so that a refusal changes nothing.
    this.#senders.set(user, sender);
    const appended = {
      outcome: "stored",
      id: entry.id,
      ...(handle === undefined ? {} : { handle }),
    } as const;
    return { appended, entry, made };
  }

  /** Changes an access rule. Returns the entry; undefined if there are too many rules. */
  changeAccess(room: string, change: AccessChange, now: number): Entry | undefined {
    if (!this.access.hasSpaceFor(change, now)) return undefined;
    const prev = this.head;
    const id = this.#nextId(now);
    const entry = { ...entryOf(id, prev, accessBody(room)), access: change };
    this.access.change(change, id);
    this.#entries.push(entry);
    this.#bytes += entry.frame.length;
    this.#trim(now);
    return entry;
  }

  /** See MessageStore.readFrom. */
  from(from: string, limit: ReadLimit): Entry[] {
    const read: Entry[] = [];
    let bytes = 0;
    for (
      let i = this.#firstAtOrAfter(from);
      i < this.#entries.length && read.length < limit.entries;
      i += 1
    ) {
      const entry = this.#entries[i];
      if (entry === undefined) break;
      bytes += entry.frame.length;
      if (bytes > limit.bytes && read.length > 0) break;
      read.push(entry);
    }
    return read;
  }

  /** See MessageStore.readBefore. */
  before(before: string | undefined, limit: ReadLimit): Entry[] {
    const read: Entry[] = [];
    let bytes = 0;
    const end = before === undefined ? this.#entries.length : this.#firstAtOrAfter(before);
    for (let i = end - 1; i >= 0 && read.length < limit.entries; i -= 1) {
      const entry = this.#entries[i];
      if (entry === undefined) break;
      bytes += entry.frame.length;
      if (bytes > limit.bytes && read.length > 0) break;
      read.push(entry);
    }
    return read.reverse();
  }

  /** Removes what is too old. */
  sweep(now: number): void {
    this.#trim(now);
    this.handles.sweep(now);
    this.access.sweep(now);
    for (const [user, sender] of this.#senders) {
      if (sender.isOver(now)) this.#forget(user, sender);
    }
  }

  /** Removes all but the newest messages. */
  shorten(floor: number): void {
    const dropped = this.#entries.splice(0, Math.max(0, this.#entries.length - floor));
    for (const { frame } of dropped) this.#bytes -= frame.length;
  }

  /** Forgets guests who began lately and write nothing. */
  forgetPassing(now: number): void {
    for (const user of this.#guests) {
      const sender = this.#senders.get(user);
      if (sender?.isPassing(now, PASSING) === true) this.#forget(user, sender);
    }
  }

  #forget(user: string, sender: SenderMemory): void {
    this.#senders.delete(user);
    this.#guests.delete(user);
    this.#senderBytes -= sender.bytes;
  }

  /** Returns the handle of the user; undefined if it is the one of the body. */
  #settledHandle({ user, guest, requested }: Append, now: number): string | undefined {
    if (requested === undefined) return undefined;
    const handle = this.handles.settle({ user, isGuest: guest !== undefined, requested }, now);
    return handle === requested.handle ? undefined : handle;
  }

  #newSender({ guest }: Append, now: number): SenderMemory {
    const { messagesPerSecond, messageBurst } = this.#limits;
    const firstBurst = guest === undefined ? messageBurst : NEW_GUEST_BURST;
    return new SenderMemory(messagesPerSecond, messageBurst, firstBurst, now);
  }

  #nextId(now: number): string {
    const ms = Math.max(Math.floor(now), this.#lastMs);
    this.#lastNumber = (ms === this.#lastMs ? this.#lastNumber : 0) + randomIncrement();
    this.#lastMs = ms;
    return `${ms}-${this.#lastNumber}`;
  }

  #trim(now: number): void {
    const { historyMessages, historyBytes, historyDays } = this.#limits;
    const oldest = now - historyDays * DAY_MS;
    let drop = 0;
    for (const entry of this.#entries) {
      const tooMany = this.#entries.length - drop > historyMessages;
      // The newest entry stays, however large, as in the Redis store.
      const tooLarge = this.#bytes > historyBytes && drop < this.#entries.length - 1;
      if (!tooMany && !tooLarge && timeOf(entry.id) >= oldest) break;
      this.#bytes -= entry.frame.length;
      drop += 1;
    }
    if (drop > 0) this.#entries.splice(0, drop);
  }

  /** Returns the index of the first entry whose id is not before `id`, by binary search. */
  #firstAtOrAfter(id: string): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && compareIds(entry.id, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Replaces the handle of a body. No JSON string can contain the text before it. */
function withHandle(body: string, handle: string): string {
  const start = body.indexOf(BEFORE_HANDLE) + BEFORE_HANDLE.length;
  const end = body.indexOf(BEHIND_HANDLE, start);
  return body.slice(0, start) + JSON.stringify(handle).slice(1, -1) + body.slice(end);
}
