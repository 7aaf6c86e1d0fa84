import type { Append, Appended, StoreLimits } from "./store.ts";

/** Used shares of the store's space above which something is refused or freed. */
export const LEVELS = {
  /** Space is freed, until `easy` is reached. */
  tight: 0.8,
  easy: 0.75,
  /** Guests can make no new rooms. */
  guestRooms: 0.85,
  /** Guests who did not write in a room lately cannot begin to. The rest is kept for those who did. */
  guestWriters: 0.9,
  /** No new rooms are made. */
  rooms: 0.95,
} as const;

/**
 * Messages that are kept per room when space is freed from rooms that no guest made lately; rooms without
 * recent messages first. Less than 50 only if a share of more than `above` is in use. Above that, new guests
 * are refused, so that what they make does not cost others all their history.
 */
export const FLOORS = [
  { messages: 50, above: LEVELS.tight, until: LEVELS.easy },
  { messages: 10, above: LEVELS.guestWriters, until: LEVELS.guestRooms },
  { messages: 1, above: LEVELS.guestWriters, until: LEVELS.guestRooms },
] as const;

/** How long a guest has written nothing, at least, and how long ago they began, at most. */
export interface Idleness {
  readonly idleMs: number;
  readonly standingMs: number;
}

/** Guests who are forgotten when space is freed. */
export const PASSING: Idleness = { idleMs: 60_000, standingMs: 600_000 };

/**
 * Milliseconds after a guest has made a room for which it is shortened to its newest message before other
 * rooms are shortened.
 */
export const YOUNG_MS = 86_400_000;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Multiple of its rate that each limit allows at once. */
const BURST = { rooms: 5, writers: 5, bytes: 60 } as const;

/** Networks that are remembered; of more, the oldest is forgotten. */
const MAX_NETWORKS = 10_000;

/** Why a message is refused because of what it would create. */
export type QuotaRefusal = Extract<Appended, { readonly outcome: "rate-limited" | "storage-full" }>;

/** What one message may create. */
export interface QuotaGrant {
  /** The refusal of the message itself; undefined if it may be stored. */
  readonly message: QuotaRefusal | undefined;
  /** The refusal if it would be a room's first message; undefined if it may be. */
  readonly room: QuotaRefusal | undefined;
  /**
   * The refusal if it would be the first remembered one of its sender in the room; undefined if it may be.
   */
  readonly writer: QuotaRefusal | undefined;
  /**
   * Returns what the message did not use. To be called once, with what it created, or undefined if it was not
   * stored.
   */
  settle(made: Made | undefined): void;
}

/** What a stored message created. */
export interface Made {
  readonly room: boolean;
  readonly writer: boolean;
}

const NO_ROOM: QuotaRefusal = { outcome: "storage-full", limit: "memory-rooms" };
const NO_WRITER: QuotaRefusal = { outcome: "storage-full", limit: "memory-writers" };

const ALL: QuotaGrant = { message: undefined, room: undefined, writer: undefined, settle() {} };
const ALL_BUT_ROOMS: QuotaGrant = { ...ALL, room: NO_ROOM };

/** A rate with a burst. Its use is one number: the time at which it is completely free again (GCRA). */
class Rate {
  /** Milliseconds that one use costs; 0 = no limit. */
  readonly #costMs: number;
  readonly #burstMs: number;

  constructor(count: number, perMs: number, burst: number) {
    this.#costMs = count > 0 ? perMs / count : 0;
    this.#burstMs = perMs * burst;
  }

  cost(amount: number): number {
    return this.#costMs * amount;
  }

  /** Returns the milliseconds until that much more may be used; 0 = now. */
  waitMs(backAt: number, now: number, costMs: number): number {
    // A cost above the burst is allowed if nothing is used; else it would never be.
    if (costMs === 0 || backAt <= now) return 0;
    return Math.max(0, Math.ceil(backAt + costMs - this.#burstMs - now));
  }
}

/** The times at which a network's limits are completely free again, as performance.now(). */
interface Used {
  rooms: number;
  writers: number;
  bytes: number;
}

/**
 * Limits what guests create: new rooms, remembered senders, bytes. Guests can be made without end, so all of
 * it is counted per address (`Append.guest`), in this process. The free space of the store counts too: what
 * takes space for long is refused first, and guests who already write are refused last.
 */
export class GuestQuotas {
  readonly #rooms: Rate;
  readonly #writers: Rate;
  readonly #bytes: Rate;
  readonly #share: () => number;
  /** Used limits by network. Networks whose limits are free again are removed when there are many. */
  readonly #used = new Map<string, Used>();

  /** @param share returns the used share of the store's space, 0 to 1; 0 if unknown. */
  constructor(limits: StoreLimits, share: () => number) {
    this.#rooms = new Rate(limits.newRoomsPerAddress ?? 0, HOUR_MS, BURST.rooms);
    this.#writers = new Rate(limits.newWritersPerAddress ?? 0, MINUTE_MS, BURST.writers);
    this.#bytes = new Rate(limits.addressBytesPerSecond ?? 0, SECOND_MS, BURST.bytes);
    this.#share = share;
  }

  /** Number of remembered networks. */
  get size(): number {
    return this.#used.size;
  }

  /** Returns what a message may create, which is reserved until `settle`. */
  grant({ guest, body }: Pick<Append, "guest" | "body">, now: number = performance.now()): QuotaGrant {
    const share = this.#share();
    if (guest === undefined) return share > LEVELS.rooms ? ALL_BUT_ROOMS : ALL;
    const used = this.#usedBy(guest.network, now);
    const bytes = this.#bytes.cost(body.length);
    const wait = this.#bytes.waitMs(used.bytes, now, bytes);
    if (wait > 0) return { ...ALL, message: limited("address-bytes", wait) };
    const room = this.#room(used, share, now);
    const writer = this.#writer(used, share, now);
    const rooms = room === undefined ? this.#rooms.cost(1) : 0;
    const writers = writer === undefined ? this.#writers.cost(1) : 0;
    used.bytes = Math.max(used.bytes, now) + bytes;
    used.rooms = Math.max(used.rooms, now) + rooms;
    used.writers = Math.max(used.writers, now) + writers;
    return {
      message: undefined,
      room,
      writer,
      settle(made) {
        if (made === undefined) used.bytes -= bytes;
        if (made?.room !== true) used.rooms -= rooms;
        if (made?.writer !== true) used.writers -= writers;
      },
    };
  }

  #room({ rooms }: Used, share: number, now: number): QuotaRefusal | undefined {
    if (share > LEVELS.guestRooms) return NO_ROOM;
    const wait = this.#rooms.waitMs(rooms, now, this.#rooms.cost(1));
    return wait > 0 ? limited("new-rooms", wait) : undefined;
  }

  #writer({ writers }: Used, share: number, now: number): QuotaRefusal | undefined {
    if (share > LEVELS.guestWriters) return NO_WRITER;
    const wait = this.#writers.waitMs(writers, now, this.#writers.cost(1));
    return wait > 0 ? limited("new-writers", wait) : undefined;
  }

  #usedBy(network: string, now: number): Used {
    const known = this.#used.get(network);
    if (known !== undefined) return known;
    if (this.#used.size >= MAX_NETWORKS) this.#forget(now);
    const used = { rooms: now, writers: now, bytes: now };
    this.#used.set(network, used);
    return used;
  }

  #forget(now: number): void {
    for (const [network, { rooms, writers, bytes }] of this.#used) {
      if (Math.max(rooms, writers, bytes) <= now) this.#used.delete(network);
    }
    const [first] = this.#used.keys();
    if (first !== undefined && this.#used.size >= MAX_NETWORKS) this.#used.delete(first);
  }
}

function limited(limit: "new-rooms" | "new-writers" | "address-bytes", retryAfterMs: number): QuotaRefusal {
  return { outcome: "rate-limited", limit, retryAfterMs };
}
