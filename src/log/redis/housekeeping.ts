import type { Redis } from "ioredis";
import type { Complaints } from "../../complaints.ts";
import type { Logger } from "../../logger.ts";
import { describe, isWrongType } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { type Memory, readMemory } from "./memory-use.ts";
import type { RoomIndex } from "./room-index.ts";
import { HOUSEKEEPER } from "./scripts.ts";
import type { ServerClock } from "./server-clock.ts";
import type { Times } from "./times.ts";

/** Of the server's limit: from here on rooms are shortened, until it uses less than the other. */
const TIGHT = 0.85;
const EASY = 0.75;
/** Messages left of a room: first the quietest rooms are shortened to the most of them, and only when that was not enough … */
const FLOORS = [50, 10, 1] as const;
/** Rooms shortened between two looks at the memory, and looked at in one round. */
const PAGE = 10;
const ROOMS_A_ROUND = 1_000;

/** What one round did. */
interface Shortened {
  rooms: number;
  messages: number;
}

/**
 * Makes room before the server is full. Every process tries every few seconds to be the one that does, and one
 * is; two at once, after a lease that ended too soon, would do the same thing twice and no harm.
 *
 * Days, bytes and the number of messages of a room that is spoken in are kept by the append script, and a room that
 * is not goes by its keys' expiry. What remains is that all rooms together are too many: then the longest quiet
 * are shortened first. The newest message always stays, so that a room goes on from where its people are.
 */
export class Housekeeping {
  readonly #keys: Keys;
  readonly #instance: string;
  readonly #index: RoomIndex;
  readonly #clock: ServerClock;
  readonly #times: Times;
  readonly #logger: Logger;
  readonly #complaints: Complaints;
  #timer: NodeJS.Timeout | undefined;
  #redis: Redis | undefined;
  #underWay = false;
  #lastRound = 0;
  /** Where the next round goes on: in which floor, behind how many rooms. */
  #floor = 0;
  #done = 0;

  constructor(
    keys: Keys,
    instance: string,
    index: RoomIndex,
    clock: ServerClock,
    times: Times,
    logger: Logger,
    complaints: Complaints,
  ) {
    this.#keys = keys;
    this.#instance = instance;
    this.#index = index;
    this.#clock = clock;
    this.#times = times;
    this.#logger = logger;
    this.#complaints = complaints;
  }

  /** A round every few seconds on this connection, until `stop`. */
  start(redis: Redis): void {
    this.stop();
    this.#redis = redis;
    this.#timer = setInterval(this.#tick, this.#times.housekeepingMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#redis = undefined;
  }

  /** Redis refuses messages: a round at once, unless there just was one. */
  full(): void {
    if (performance.now() - this.#lastRound > this.#times.fullPauseMs) this.#tick();
  }

  readonly #tick = (): void => {
    const redis = this.#redis;
    if (redis === undefined || this.#underWay) return;
    this.#underWay = true;
    this.#round(redis)
      .catch((error: unknown) => {
        // Whoever gave the link up has said why.
        if (this.#redis !== redis) return;
        this.#complaints.add("warn", "housekeeping failed", { reason: describe(error) });
      })
      .finally(() => {
        this.#underWay = false;
        this.#lastRound = performance.now();
      });
  };

  async #round(redis: Redis): Promise<void> {
    await this.#index.flush(redis);
    if (!(await this.#leads(redis))) return;
    await this.#index.forget(redis, this.#clock.now());
    const memory = await readMemory(redis);
    if (!isAbove(TIGHT, memory)) {
      this.#startOver();
      return;
    }
    const shortened: Shortened = { rooms: 0, messages: 0 };
    const after = await this.#makeRoom(redis, memory, shortened);
    this.#report(memory, after, shortened);
  }

  async #leads(redis: Redis): Promise<boolean> {
    const { housekeeperMs } = this.#times;
    const reply = await HOUSEKEEPER.run(redis, [this.#keys.housekeeper()], [this.#instance, housekeeperMs]);
    return reply === 1;
  }

  /** Shortens rooms until there is room, or a round's work is done. Gives how it stands then. */
  async #makeRoom(redis: Redis, before: Memory, shortened: Shortened): Promise<Memory> {
    let memory = before;
    for (let looked = 0; looked < ROOMS_A_ROUND && isAbove(EASY, memory); looked += PAGE) {
      const floor = FLOORS[this.#floor];
      if (floor === undefined) return memory;
      const rooms = await this.#index.quietest(redis, this.#done, PAGE);
      const removed = await Promise.all(rooms.map((room) => this.#shorten(redis, room, floor)));
      this.#done += rooms.length;
      shortened.rooms += removed.filter((count) => count > 0).length;
      for (const count of removed) shortened.messages += count;
      memory = await readMemory(redis);
      if (rooms.length < PAGE) {
        this.#floor += 1;
        this.#done = 0;
      }
    }
    return memory;
  }

  /** Gives how many messages went. */
  async #shorten(redis: Redis, room: string, floor: number): Promise<number> {
    try {
      return await redis.xtrim(this.#keys.log(room), "MAXLEN", floor);
    } catch (error) {
      // A stranger's key must not keep the rooms behind it from being shortened.
      if (isWrongType(error)) return 0;
      throw error;
    }
  }

  #report(before: Memory, after: Memory, { rooms, messages }: Shortened): void {
    const fields = { rooms, messages, usedBefore: before.used, used: after.used, limit: after.limit };
    if (rooms > 0)
      this.#logger.warn(fields, "Redis is nearly full: the least recently active rooms were shortened");
    if (!isAbove(EASY, after)) this.#startOver();
    else if (this.#floor >= FLOORS.length) {
      this.#startOver();
      this.#complaints.add("error", "Redis is nearly full, and no room can be shortened any more", fields);
    }
  }

  #startOver(): void {
    this.#floor = 0;
    this.#done = 0;
  }
}

function isAbove(share: number, { used, limit }: Memory): boolean {
  return limit > 0 && used > share * limit;
}
