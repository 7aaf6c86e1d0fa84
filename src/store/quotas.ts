import type { Append, Appended, QuotaLimit, StoreLimits } from "./store.ts";

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
const BURST = { rooms: 5, userRooms: 2, writers: 5, bytes: 60 } as const;

/** Networks, and users, that are remembered; of more, the oldest is forgotten. */
const MOST_REMEMBERED = 10_000;

/** How many of the oldest are looked at when there are as many. */
const FORGOTTEN_AT_ONCE = 64;

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

/** What is limited for all senders of one kind, and whose use it counts for. */
interface Rates {
  readonly rooms: Rate;
  readonly writers: Rate;
  readonly bytes: Rate;
  readonly names: { readonly rooms: QuotaLimit; readonly bytes: QuotaLimit };
}

/** The times at which the limits of an address or a user are completely free again, as performance.now(). */
interface Used {
  rooms: number;
  writers: number;
  bytes: number;
}

/** The used limits of the addresses of guests, of the users of the site, or of the programs. */
class Usage {
  readonly #rates: Rates;
  /** By network or user, the oldest first. What is free again is removed when there are many. */
  readonly #used = new Map<string, Used>();

  constructor(rates: Rates) {
    this.#rates = rates;
  }

  get size(): number {
    return this.#used.size;
  }

  /**
   * Returns what a message of `bytes` may create, which is reserved until `settle`.
   * @param full the refusals because the store is nearly full; undefined = it is not.
   */
  grant(
    name: string,
    bytes: number,
    full: { readonly room: QuotaRefusal | undefined; readonly writer: QuotaRefusal | undefined },
    now: number,
  ): QuotaGrant {
    const { rooms, writers, bytes: rate, names } = this.#rates;
    const used = this.#of(name, now);
    const cost = { bytes: rate.cost(bytes), rooms: rooms.cost(1), writers: writers.cost(1) };
    const wait = rate.waitMs(used.bytes, now, cost.bytes);
    if (wait > 0) return { ...ALL, message: limited(names.bytes, wait) };
    const room = full.room ?? refusal(names.rooms, rooms.waitMs(used.rooms, now, cost.rooms));
    const writer = full.writer ?? refusal("new-writers", writers.waitMs(used.writers, now, cost.writers));
    const reserved = {
      room: room === undefined ? cost.rooms : 0,
      writer: writer === undefined ? cost.writers : 0,
    };
    used.bytes = Math.max(used.bytes, now) + cost.bytes;
    used.rooms = Math.max(used.rooms, now) + reserved.room;
    used.writers = Math.max(used.writers, now) + reserved.writer;
    return {
      message: undefined,
      room,
      writer,
      settle(made) {
        if (made === undefined) used.bytes -= cost.bytes;
        if (made?.room !== true) used.rooms -= reserved.room;
        if (made?.writer !== true) used.writers -= reserved.writer;
      },
    };
  }

  #of(name: string, now: number): Used {
    const known = this.#used.get(name);
    if (known !== undefined) return known;
    if (this.#used.size >= MOST_REMEMBERED) this.#forget(now);
    const used = { rooms: now, writers: now, bytes: now };
    this.#used.set(name, used);
    return used;
  }

  #forget(now: number): void {
    // Only some of the oldest, or a flood from many networks would cost a look at all of them per message.
    let left = FORGOTTEN_AT_ONCE;
    for (const [name, { rooms, writers, bytes }] of this.#used) {
      if (left === 0) break;
      left -= 1;
      if (Math.max(rooms, writers, bytes) <= now) this.#used.delete(name);
    }
    const [first] = this.#used.keys();
    if (first !== undefined && this.#used.size >= MOST_REMEMBERED) this.#used.delete(first);
  }
}

/**
 * Limits what senders create, in this process: new rooms, remembered senders, bytes. Guests can be made
 * without end, so theirs is counted per address (`Append.guest`); that of users of the site and of programs
 * is counted per user (`Append.account`). The free space of the store counts too: what takes space for long
 * is refused first, and guests who already write are refused last.
 */
export class Quotas {
  readonly #usage: { readonly guest: Usage; readonly site: Usage; readonly program: Usage };
  readonly #share: () => number;

  /** @param share returns the used share of the store's space, 0 to 1; 0 if unknown. */
  constructor(limits: StoreLimits, share: () => number) {
    const { programFactor = 1 } = limits;
    this.#usage = {
      guest: new Usage({
        rooms: new Rate(limits.newRoomsPerAddress ?? 0, HOUR_MS, BURST.rooms),
        writers: new Rate(limits.newWritersPerAddress ?? 0, MINUTE_MS, BURST.writers),
        bytes: new Rate(limits.addressBytesPerSecond ?? 0, SECOND_MS, BURST.bytes),
        names: { rooms: "new-rooms", bytes: "address-bytes" },
      }),
      site: new Usage(ratesOfUsers(limits, 1)),
      program: new Usage(ratesOfUsers(limits, programFactor)),
    };
    this.#share = share;
  }

  /** Number of remembered networks and users. */
  get size(): number {
    const { guest, site, program } = this.#usage;
    return guest.size + site.size + program.size;
  }

  /** Returns what a message may create, which is reserved until `settle`. */
  grant(
    { user, guest, account, body }: Pick<Append, "user" | "guest" | "account" | "body">,
    now: number = performance.now(),
  ): QuotaGrant {
    const share = this.#share();
    if (guest !== undefined) {
      const room = share > LEVELS.guestRooms ? NO_ROOM : undefined;
      const writer = share > LEVELS.guestWriters ? NO_WRITER : undefined;
      return this.#usage.guest.grant(guest.network, body.length, { room, writer }, now);
    }
    const room = share > LEVELS.rooms ? NO_ROOM : undefined;
    if (account === undefined) return { ...ALL, room };
    return this.#usage[account].grant(user, body.length, { room, writer: undefined }, now);
  }
}

function ratesOfUsers({ newRoomsPerUser = 0, userBytesPerSecond = 0 }: StoreLimits, factor: number): Rates {
  return {
    rooms: new Rate(newRoomsPerUser * factor, HOUR_MS, BURST.userRooms),
    writers: new Rate(0, MINUTE_MS, BURST.writers),
    bytes: new Rate(userBytesPerSecond * factor, SECOND_MS, BURST.bytes),
    names: { rooms: "user-new-rooms", bytes: "user-bytes" },
  };
}

function refusal(limit: QuotaLimit, waitMs: number): QuotaRefusal | undefined {
  return waitMs > 0 ? limited(limit, waitMs) : undefined;
}

function limited(limit: QuotaLimit, retryAfterMs: number): QuotaRefusal {
  return { outcome: "rate-limited", limit, retryAfterMs };
}
