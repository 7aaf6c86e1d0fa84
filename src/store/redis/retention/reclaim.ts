import type { Redis } from "ioredis";
import { FLOORS, LEVELS, PASSING, YOUNG_MS } from "../../quotas.ts";
import { isRefusedBySetup, isWrongType } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { EVICT_GUESTS, REMOVE_ROOM } from "../node/scripts.ts";
import { type Memory, readMemory } from "./memory-use.ts";
import type { RoomIndex } from "./room-index.ts";

/** Milliseconds after a guest has made a room for which it is shortened to the first floor before others. */
const RECENT_MS = 7 * YOUNG_MS;
/**
 * Milliseconds after the last message before which a room is not deleted, because its users may not be listed
 * yet (`MessageStore.syncPresence`, every 14 s).
 */
const SETTLED_MS = 20_000;
/**
 * Bytes that a room that a guest made, and a guest who is remembered in a room, take at least. Measured:
 * 2,400 and 700.
 */
const ROOM_BYTES = 2_000;
const SENDER_BYTES = 500;

/** Rooms that are shortened between two readings of the memory. */
const PAGE = 10;
const MANY_PAGE = 100;
/** Rooms of guests, and other rooms, that are visited per round. */
const YOUNG_PER_ROUND = 20_000;
const ROOMS_PER_ROUND = 1_000;
/** Keys per SCAN, and SCANs per round. */
const SCAN_COUNT = 500;
const SCANS_PER_ROUND = 40;
/** Messages and senders after whose removal a round ends if the server does not tell its use. */
const ENOUGH = 2_000;
/** Bytes of excess that are then assumed. */
const UNKNOWN_EXCESS = 512 * 1024;

/** What one round removed. */
export interface Reclaimed {
  /** Guests whose keys are no longer remembered in a room. */
  senders: number;
  /** Rooms that were shortened. */
  rooms: number;
  messages: number;
  /** Rooms of guests without users in them, deleted with their last message. */
  deleted: number;
  /** Bytes, at least, that guests made lately and that are not old enough to be removed. */
  waiting: number;
  /** The memory afterwards. */
  memory: Memory;
}

/**
 * Frees memory in the order of least loss: what is remembered of guests who began lately and write nothing,
 * then rooms that guests made within a day, newest first: down to one message and, without users in them,
 * completely. Other rooms follow when none of that is left. So guests who fill the server lose what they
 * made, and others hardly anything.
 */
export class Reclaim {
  readonly #keys: Keys;
  readonly #index: RoomIndex;
  /** Position of the next round: the key, and the floor with the number of finished rooms. */
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

  /** Starts again at the first floor. */
  startOver(): void {
    this.#floor = 0;
    this.#done = 0;
  }

  /**
   * Frees memory until less than `LEVELS.easy` is used or a round's work is done. Rejects with Redis's error.
   * @param now ms by Redis's clock.
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

  /**
   * Returns some guests' younger keys, from where the last call ended; undefined if this user may not scan.
   */
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
    // Rooms with one message can be deleted completely.
    const each = floor === 1 ? ROOM_BYTES : 0;
    let start = 0;
    while (start < YOUNG_PER_ROUND && !isEnough(reclaimed)) {
      // The rooms before these are newer, too new to be deleted now, and will be deleted later.
      if (isAwaited(reclaimed, start * each)) return;
      // Few at first, because the newest may be enough.
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
      // Deleted rooms are no longer in the list.
      const rooms = await this.#index.youngest(redis, made, kept, MANY_PAGE);
      const deleted = await this.#deleteSome(redis, rooms);
      kept += rooms.length - deleted;
      reclaimed.deleted += deleted;
      reclaimed.memory = await readMemory(redis);
      if (rooms.length < MANY_PAGE) return;
    }
  }

  /** Deletes the rooms that may be deleted. Returns how many were. */
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

  /** @param floors how many of `FLOORS` may be used. */
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

/** Returns 0 for a key with another type of value, so that the rooms after it are shortened. */
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
 * Returns whether enough of what guests made lately can be removed soon; then nothing else is removed before
 * it is urgent.
 * @param more further bytes of it that are not in `Reclaimed.waiting`.
 */
function isAwaited(reclaimed: Reclaimed, more = 0): boolean {
  return excess(reclaimed) <= reclaimed.waiting + more && isEnough(reclaimed, LEVELS.rooms);
}

/** Returns the bytes that are used above `LEVELS.easy`. */
function excess({ memory: { used, limit } }: Reclaimed): number {
  return limit > 0 ? used - LEVELS.easy * limit : UNKNOWN_EXCESS;
}
