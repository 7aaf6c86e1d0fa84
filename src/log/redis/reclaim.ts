import type { Redis } from "ioredis";
import { FLOORS, LEVELS, PASSING, YOUNG_MS } from "../growth.ts";
import { isRefusedBySetup, isWrongType } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { type Memory, readMemory } from "./memory-use.ts";
import type { RoomIndex } from "./room-index.ts";
import { GIVE_BACK, REMOVE_ROOM } from "./scripts.ts";

/** Rooms that guests made within this time are shortened to the first floor before others. */
const RECENT_MS = 7 * YOUNG_MS;
/** A room whose last message is younger is not deleted: its people may not be listed yet (`Log.rollCall`). */
const SETTLED_MS = 30_000;

/** Rooms shortened between two readings of the memory. */
const PAGE = 10;
/** Rooms of guests looked at in one round, and others. */
const YOUNG_PER_ROUND = 20_000;
const ROOMS_PER_ROUND = 1_000;
/** Keys looked at by one SCAN, and how many of these one round makes. */
const SCAN_COUNT = 500;
const SCANS_PER_ROUND = 40;
/** Where the server does not tell its use, a round ends after it removed that many messages and senders. */
const ENOUGH = 2_000;

/** What one round removed. */
export interface Reclaimed {
  /** Guests whose keys are no longer remembered in a room. */
  senders: number;
  /** Rooms that were shortened. */
  rooms: number;
  messages: number;
  /** Rooms of guests with nobody in them, deleted with their last message. */
  deleted: number;
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
    const reclaimed: Reclaimed = { senders: 0, rooms: 0, messages: 0, deleted: 0, memory: before };
    await this.#forgetSenders(redis, reclaimed);
    const young = { from: now - YOUNG_MS, to: Number.POSITIVE_INFINITY };
    await this.#shortenGuests(redis, young, 1, reclaimed);
    await this.#deleteEmpty(redis, young, reclaimed);
    await this.#shortenGuests(
      redis,
      { from: now - RECENT_MS, to: now - YOUNG_MS },
      FLOORS[0].messages,
      reclaimed,
    );
    await this.#shortenOthers(redis, reclaimed);
    return reclaimed;
  }

  async #forgetSenders(redis: Redis, reclaimed: Reclaimed): Promise<void> {
    for (let scans = 0; scans < SCANS_PER_ROUND && !isEnough(reclaimed); scans += 1) {
      const found = await this.#scan(redis);
      if (found === undefined) return;
      if (found.length > 0) {
        const keys = found.flatMap((key) => [key, this.#keys.olderOf(key)]);
        const forgotten = await GIVE_BACK.run(redis, keys, [PASSING.idleMs, PASSING.standingMs]);
        reclaimed.senders += Number(forgotten);
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
    for (let start = 0; start < YOUNG_PER_ROUND && !isEnough(reclaimed); start += PAGE) {
      const rooms = await this.#index.youngest(redis, made, start, PAGE);
      await this.#shortenAll(redis, rooms, floor, reclaimed);
      if (rooms.length < PAGE) return;
    }
  }

  async #deleteEmpty(
    redis: Redis,
    made: { readonly from: number; readonly to: number },
    reclaimed: Reclaimed,
  ): Promise<void> {
    let kept = 0;
    for (let looked = 0; looked < YOUNG_PER_ROUND && !isEnough(reclaimed); looked += PAGE) {
      // Those that were deleted are off the list.
      const rooms = await this.#index.youngest(redis, made, kept, PAGE);
      const deleted = await this.#deleteSome(redis, rooms);
      kept += rooms.length - deleted;
      reclaimed.deleted += deleted;
      reclaimed.memory = await readMemory(redis);
      if (rooms.length < PAGE) return;
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

  async #shortenOthers(redis: Redis, reclaimed: Reclaimed): Promise<void> {
    for (let looked = 0; looked < ROOMS_PER_ROUND; looked += PAGE) {
      const floor = FLOORS[this.#floor];
      if (floor === undefined || isEnough(reclaimed, floor.until)) return;
      const rooms = await this.#index.quietest(redis, this.#done, PAGE);
      this.#done += rooms.length;
      await this.#shortenAll(redis, rooms, floor.messages, reclaimed);
      if (rooms.length === PAGE) continue;
      this.#done = 0;
      const next = FLOORS[this.#floor + 1];
      const isUrgent = next === undefined || !isEnough(reclaimed, next.above);
      this.#floor = isUrgent ? this.#floor + 1 : 0;
      if (!isUrgent) return;
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

/** A stranger's key must not keep the rooms after it from being shortened. */
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
