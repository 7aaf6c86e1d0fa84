import type { Append, Appended, StoreLimits } from "./store.ts";

/** Shares of the store's space, and what happens above each. */
export const LEVELS = {
  /** Room is made, until `easy` is reached. */
  tight: 0.8,
  easy: 0.75,
  /** Guests make no new rooms. */
  guestRooms: 0.85,
  /** Guests who did not write in a room lately do not begin to. The rest is kept for those who did. */
  guestWriters: 0.9,
  /** Nobody makes a new room. */
  rooms: 0.95,
} as const;

/**
 * Messages left of a room that no guest made lately, when room is made; the quietest first. Less than 50 only where more than `above` is
 * in use, when guests who were not there are refused: so what they make does not cost others all their history.
 */
export const FLOORS = [
  { messages: 50, above: LEVELS.tight, until: LEVELS.easy },
  { messages: 10, above: LEVELS.guestWriters, until: LEVELS.guestRooms },
  { messages: 1, above: LEVELS.guestWriters, until: LEVELS.guestRooms },
] as const;

/** How long somebody has been silent, and how lately they came, both at least. */
export interface Idleness {
  readonly idleMs: number;
  readonly standingMs: number;
}

/** Guests of whom nothing is remembered any more when room is made. */
export const PASSING: Idleness = { idleMs: 60_000, standingMs: 600_000 };

/** A room that a guest made within this time is shortened to its newest message before any other room is shortened. */
export const YOUNG_MS = 86_400_000;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How many times its rate each limit allows at once. */
const BURST = { rooms: 5, writers: 5, bytes: 60 } as const;

/** Networks remembered; of more, the one that was added first is forgotten. */
const MAX_NETWORKS = 10_000;

/** Why a message is refused for what it would make besides itself. */
export type QuotaRefusal = Extract<Appended, { readonly outcome: "rate-limited" | "storage-full" }>;

/** What one message may make besides itself. */
export interface QuotaGrant {
  /** Answer if it must not be stored at all; undefined = it may. */
  readonly message: QuotaRefusal | undefined;
  /** Answer if it would be a room's first message; undefined = it may be. */
  readonly room: QuotaRefusal | undefined;
  /** Answer if it would be the first that is remembered of its sender in the room; undefined = it may be. */
  readonly writer: QuotaRefusal | undefined;
  /** Gives back what the message did not use. Called once, with what it made, or undefined if it was not stored. */
  settle(made: Made | undefined): void;
}

/** What a stored message made besides itself. */
export interface Made {
  readonly room: boolean;
  readonly writer: boolean;
}

const NO_ROOM: QuotaRefusal = { outcome: "storage-full", limit: "memory-rooms" };
const NO_WRITER: QuotaRefusal = { outcome: "storage-full", limit: "memory-writers" };

const ALL: QuotaGrant = { message: undefined, room: undefined, writer: undefined, settle() {} };
const ALL_BUT_ROOMS: QuotaGrant = { ...ALL, room: NO_ROOM };

/** A rate and a burst. What is used of it is one number: when all of it is back (GCRA). */
class Rate {
  /** Milliseconds until one that was used is back; 0 = no limit. */
  readonly #costMs: number;
  readonly #burstMs: number;

  constructor(count: number, perMs: number, burst: number) {
    this.#costMs = count > 0 ? perMs / count : 0;
    this.#burstMs = perMs * burst;
  }

  cost(amount: number): number {
    return this.#costMs * amount;
  }

  /** Milliseconds until that much more may be used; 0 = now. */
  waitMs(backAt: number, now: number, costMs: number): number {
    // More than the burst is let through where nothing is used, or it would never be.
    if (costMs === 0 || backAt <= now) return 0;
    return Math.max(0, Math.ceil(backAt + costMs - this.#burstMs - now));
  }
}

/** When what a network used is back, as performance.now() tells it. */
interface Used {
  rooms: number;
  writers: number;
  bytes: number;
}

/**
 * What guests make besides messages and what it may take: new rooms, remembered senders, bytes. Anybody makes as many guests as they
 * like, so all of it is counted per address (`Append.guest`), in this process. What is left of the store's space counts too: what
 * costs space for long is refused first, and those who are there go on longest.
 */
export class GuestQuotas {
  readonly #rooms: Rate;
  readonly #writers: Rate;
  readonly #bytes: Rate;
  readonly #share: () => number;
  /** By network. Emptied of what is whole again when there are many. */
  readonly #used = new Map<string, Used>();

  /** @param share the share of the store's space that is in use, 0 to 1; 0 where it is not known. */
  constructor(limits: StoreLimits, share: () => number) {
    this.#rooms = new Rate(limits.newRoomsPerAddress ?? 0, HOUR_MS, BURST.rooms);
    this.#writers = new Rate(limits.newWritersPerAddress ?? 0, MINUTE_MS, BURST.writers);
    this.#bytes = new Rate(limits.addressBytesPerSecond ?? 0, SECOND_MS, BURST.bytes);
    this.#share = share;
  }

  /** Networks remembered. */
  get size(): number {
    return this.#used.size;
  }

  /** Returns what a message may make; what it may is reserved until `settle`. */
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
