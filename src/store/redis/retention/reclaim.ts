import type { Redis } from "ioredis";
import { FLOORS, LEVELS, PASSING, YOUNG_MS } from "../../guest-quotas.ts";
import { isRefusedBySetup, isWrongType } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { EVICT_GUESTS, REMOVE_ROOM } from "../node/scripts.ts";
import { type Memory, readMemory } from "./memory-use.ts";
import type { RoomIndex } from "./room-index.ts";

/** Rooms that guests made within this time are shortened to the first floor before others. */
const RECENT_MS = 7 * YOUNG_MS;
/** A room whose last message is younger is not deleted: its people may not be listed yet (`MessageStore.syncPresence`, every 14 s). */
const SETTLED_MS = 20_000;
/** What a room that a guest made, and a guest who is remembered in a room, take at least, bytes. Measured: 2,400 and 700. */
const ROOM_BYTES = 2_000;
const SENDER_BYTES = 500;

/** Rooms shortened between two readings of the memory. */
const PAGE = 10;
const MANY_PAGE = 100;
/** Rooms of guests looked at in one round, and others. */
const YOUNG_PER_ROUND = 20_000;
const ROOMS_PER_ROUND = 1_000;
/** Keys looked at by one SCAN, and how many of these one round makes. */
const SCAN_COUNT = 500;
const SCANS_PER_ROUND = 40;
/** Where the server does not tell its use, a round ends after it removed that many messages and senders. */
const ENOUGH = 2_000;
/** Bytes that it is then taken to use too much. */
const UNKNOWN_EXCESS = 512 * 1024;

/** What one round removed. */
export interface Reclaimed {
  /** Guests whose keys are no longer remembered in a room. */
  senders: number;
  /** Rooms that were shortened. */
  rooms: number;
  messages: number;
  /** Rooms of guests with nobody in them, deleted with their last message. */
  deleted: number;
  /** Bytes of what guests made lately and is not old enough to be removed, at least. */
  waiting: number;
  /** How it stands afterwards. */
  memory: Memory;
}

/**
 * Frees memory in the order in which it costs least: what is remembered of guests who came lately and are silent, then rooms that
 * guests made within a day, the youngest first, to one message and, with nobody in them, altogether. Other rooms follow when none
 * of that is left: so whoever fills the server removes what they made, and hardly anything else.
 */
export class Reclaim {
  readonly #keys: Keys;
  readonly #index: RoomIndex;
  /** Where the next round goes on: at which key, and in which floor after how many rooms. */
  #cursor = "0";
  #floor = 0;
  #done = 0;

  constructor(keys: Keys, index: RoomIndex) {
    this.#keys = keys;
    this.#index = index;
  }

  /** Whether all rooms have been shortened as far as they can be. */
  get isExhausted(): boolean {
    return this.#floor >= FLOORS.length;
  }

  /** Begins at the first floor again. */
  startOver(): void {
    this.#floor = 0;
    this.#done = 0;
  }

  /**
   * Frees memory until less than `LEVELS.easy` is used or a round's work is done. Rejects with whatever Redis said.
   * @param now by Redis's clock, ms.
   */
  async round(redis: Redis, now: number, before: Memory): Promise<Reclaimed> {
    const reclaimed: Reclaimed = {
      senders: 0,
      rooms: 0,
      messages: 0,
      deleted: 0,
      waiting: 0,
      memory: before,
    };
    await this.#forgetSenders(redis, reclaimed);
    const young = { from: now - YOUNG_MS, to: Number.POSITIVE_INFINITY };
    await this.#shortenGuests(redis, young, 1, reclaimed);
    await this.#deleteEmpty(redis, { from: young.from, to: now - SETTLED_MS }, reclaimed);
    if (isEnough(reclaimed)) return reclaimed;
    reclaimed.waiting += ROOM_BYTES * (await this.#index.count(redis, young));
    if (isAwaited(reclaimed)) return reclaimed;
    const recent = { from: now - RECENT_MS, to: now - YOUNG_MS };
    await this.#shortenGuests(redis, recent, FLOORS[0].messages, reclaimed);
    await this.#shortenOthers(redis, reclaimed, excess(reclaimed) <= reclaimed.waiting ? 1 : FLOORS.length);
    return reclaimed;
  }

  async #forgetSenders(redis: Redis, reclaimed: Reclaimed): Promise<void> {
    for (let scans = 0; scans < SCANS_PER_ROUND && !isEnough(reclaimed); scans += 1) {
      const found = await this.#scan(redis);
      if (found === undefined) return;
      if (found.length > 0) {
        const keys = found.flatMap((key) => [key, this.#keys.olderOf(key)]);
        const reply = await EVICT_GUESTS.run(redis, keys, [PASSING.idleMs, PASSING.standingMs]);
        const [forgotten, waiting]: readonly unknown[] = Array.isArray(reply) ? reply : [];
        reclaimed.senders += Number(forgotten);
        reclaimed.waiting += Number(waiting) * SENDER_BYTES;
        reclaimed.memory = await readMemory(redis);
      }
      if (this.#cursor === "0") return;
    }
  }

  /** Some guests' younger keys, from where the last call ended; undefined where this user may not ask. */
  async #scan(redis: Redis): Promise<string[] | undefined> {
    try {
      const pattern = this.#keys.guestsKeys();
      const [cursor, keys] = await redis.scan(this.#cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
      this.#cursor = cursor;
      return keys;
    } catch (error) {
      if (isRefusedBySetup(error)) return undefined;
      throw error;
    }
  }

  async #shortenGuests(
    redis: Redis,
    made: { readonly from: number; readonly to: number },
    floor: number,
    reclaimed: Reclaimed,
  ): Promise<void> {
    // Rooms with one message can be deleted altogether.
    const each = floor === 1 ? ROOM_BYTES : 0;
    let start = 0;
    while (start < YOUNG_PER_ROUND && !isEnough(reclaimed)) {
      // Those that came before, which are younger, are too young to be deleted now, and will be.
      if (isAwaited(reclaimed, start * each)) return;
      // Few at first, for the youngest may be enough.
      const page = start < MANY_PAGE ? PAGE : MANY_PAGE;
      const rooms = await this.#index.youngest(redis, made, start, page);
      await this.#shortenAll(redis, rooms, floor, reclaimed);
      if (rooms.length < page) return;
      start += page;
    }
  }

  async #deleteEmpty(
    redis: Redis,
    made: { readonly from: number; readonly to: number },
    reclaimed: Reclaimed,
  ): Promise<void> {
    let kept = 0;
    for (let looked = 0; looked < YOUNG_PER_ROUND && !isEnough(reclaimed); looked += MANY_PAGE) {
      // Those that were deleted are off the list.
      const rooms = await this.#index.youngest(redis, made, kept, MANY_PAGE);
      const deleted = await this.#deleteSome(redis, rooms);
      kept += rooms.length - deleted;
      reclaimed.deleted += deleted;
      reclaimed.memory = await readMemory(redis);
      if (rooms.length < MANY_PAGE) return;
    }
  }

  /** Returns how many it deleted. */
  async #deleteSome(redis: Redis, rooms: readonly string[]): Promise<number> {
    const replies = await Promise.all(
      rooms.map((room) =>
        unlessWrongType(REMOVE_ROOM.run(redis, [this.#keys.log(room), this.#keys.who(room)], [SETTLED_MS])),
      ),
    );
    const deleted = rooms.filter((_, index) => replies[index] === 1);
    await this.#index.remove(redis, deleted);
    return deleted.length;
  }

  /** @param floors how many of `FLOORS` may be gone through. */
  async #shortenOthers(redis: Redis, reclaimed: Reclaimed, floors: number): Promise<void> {
    if (this.#floor >= floors) this.startOver();
    for (let looked = 0; looked < ROOMS_PER_ROUND; looked += PAGE) {
      const floor = FLOORS[this.#floor];
      if (floor === undefined || isEnough(reclaimed, floor.until)) return;
      const rooms = await this.#index.quietest(redis, this.#done, PAGE);
      this.#done += rooms.length;
      await this.#shortenAll(redis, rooms, floor.messages, reclaimed);
      if (rooms.length === PAGE) continue;
      const next = FLOORS[this.#floor + 1];
      if (next !== undefined && (this.#floor + 1 >= floors || isEnough(reclaimed, next.above))) {
        this.startOver();
        return;
      }
      this.#floor += 1;
      this.#done = 0;
    }
  }

  async #shortenAll(
    redis: Redis,
    rooms: readonly string[],
    floor: number,
    reclaimed: Reclaimed,
  ): Promise<void> {
    if (rooms.length === 0) return;
    const removed = await Promise.all(
      rooms.map((room) => unlessWrongType(redis.xtrim(this.#keys.log(room), "MAXLEN", floor))),
    );
    for (const count of removed) {
      if (count === 0) continue;
      reclaimed.rooms += 1;
      reclaimed.messages += count;
    }
    reclaimed.memory = await readMemory(redis);
  }
}

/** A client's key must not keep the rooms after it from being shortened. */
async function unlessWrongType<T>(reply: Promise<T>): Promise<T | 0> {
  try {
    return await reply;
  } catch (error) {
    if (isWrongType(error)) return 0;
    throw error;
  }
}

function isEnough(
  { memory: { used, limit }, messages, senders, deleted }: Reclaimed,
  share: number = LEVELS.easy,
): boolean {
  return limit > 0 ? used <= share * limit : messages + senders + deleted >= ENOUGH;
}

/**
 * Whether what guests made lately is the reason and can be removed soon: then nothing else goes before it is urgent.
 * @param more bytes of it that are not in `Reclaimed.waiting`.
 */
function isAwaited(reclaimed: Reclaimed, more = 0): boolean {
  return excess(reclaimed) <= reclaimed.waiting + more && isEnough(reclaimed, LEVELS.rooms);
}

/** Bytes used above `LEVELS.easy`. */
function excess({ memory: { used, limit } }: Reclaimed): number {
  return limit > 0 ? used - LEVELS.easy * limit : UNKNOWN_EXCESS;
}
