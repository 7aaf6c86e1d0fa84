import type { Redis } from "ioredis";
import { timeOf } from "../../../protocol/ids.ts";
import { unlessRefused } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { NOTE_ROOMS } from "../node/scripts.ts";

const DAY_MS = 86_400_000;
/** Rooms per script run, few enough for Lua's stack. */
const BATCH = 500;
/** Rooms that wait here to be written to Redis, at most. A further room is added at a later message. */
const MAX_NOTED = 10_000;
/** Milliseconds for which a room's stream may exist after its days are over (append.lua). */
const GRACE_MS = 3_600_000;
/** Milliseconds for which a room is listed as made by a guest. */
const LISTED_MS = 7 * DAY_MS;

/**
 * Two sorted sets: the rooms that have a stream, by the time of their last message, and those that guests
 * made within a week, by the time of their first. A process collects here what it stored and writes it every
 * few seconds, because the append script may use only keys of the room's own slot. A room that was not
 * written the last time, such as a new one, is written sooner, so that all lists of rooms have it.
 */
export class RoomIndex {
  readonly #key: string;
  readonly #guestsKey: string;
  readonly #keptMs: number;
  /** Times by room, ms. Emptied by `flush`. */
  #noted = new Map<string, number>();
  /** Times, ms, of the collected rooms that a guest made. Emptied as `#noted` is. */
  readonly #made = new Map<string, number>();
  /** Rooms written by the last `flush` or since. Those without messages since are removed by the next one. */
  #written = new Set<string>();
  /** Collected rooms that are not in `#written`. Emptied by each write. */
  readonly #unwritten = new Set<string>();
  #due: NodeJS.Timeout | undefined;
  readonly #soonMs: number;
  readonly #writeSoon: () => void;

  /**
   * @param historyDays days for which a room's stream exists after its last message.
   * @param soonMs milliseconds that a room may wait that was not written the last time.
   * @param writeSoon called after that time; must call `writeNew`.
   */
  constructor(keys: Keys, historyDays: number, soonMs: number, writeSoon: () => void) {
    this.#key = keys.rooms();
    this.#guestsKey = keys.guestRooms();
    this.#keptMs = historyDays * DAY_MS + GRACE_MS;
    this.#soonMs = soonMs;
    this.#writeSoon = writeSoon;
  }

  /** Collects the room of a stored message. `isNew`: a guest's message created the room. */
  note(room: string, id: string, isNew = false): void {
    if (this.#noted.size >= MAX_NOTED && !this.#noted.has(room)) return;
    this.#noted.set(room, timeOf(id));
    if (isNew) this.#made.set(room, timeOf(id));
    if (this.#written.has(room)) return;
    this.#unwritten.add(room);
    this.#due ??= setTimeout(this.#soon, this.#soonMs).unref();
  }

  /** Writes the collected rooms. Rejects with Redis's error; rooms that were not written are kept. */
  async flush(redis: Redis): Promise<void> {
    this.#written = new Set(this.#noted.keys());
    this.#unwritten.clear();
    await this.#write(redis, [...this.#noted]);
  }

  /** Writes the rooms that were not written the last time; otherwise as `flush`. */
  async writeNew(redis: Redis): Promise<void> {
    const rooms = [...this.#noted].filter(([room]) => this.#unwritten.has(room));
    this.#unwritten.clear();
    for (const [room] of rooms) this.#written.add(room);
    await this.#write(redis, rooms);
  }

  readonly #soon = (): void => {
    this.#due = undefined;
    this.#writeSoon();
  };

  async #write(redis: Redis, rooms: readonly (readonly [string, number])[]): Promise<void> {
    for (let start = 0; start < rooms.length; start += BATCH) {
      const batch = rooms.slice(start, start + BATCH);
      const made = batch.flatMap(([room]) => {
        const ms = this.#made.get(room);
        return ms === undefined ? [] : [ms, room];
      });
      const noted = batch.flatMap(([room, ms]) => [ms, room]);
      await NOTE_ROOMS.run(redis, [this.#key], [this.#keptMs, "GT", ...noted]);
      if (made.length > 0) await NOTE_ROOMS.run(redis, [this.#guestsKey], [LISTED_MS, "NX", ...made]);
      for (const [room, ms] of batch) {
        this.#made.delete(room);
        if (this.#noted.get(room) === ms) this.#noted.delete(room);
      }
    }
  }

  /** Removes rooms whose stream has expired by `now` (ms, Redis's clock). Rejects with Redis's error. */
  async forget(redis: Redis, now: number): Promise<void> {
    await Promise.all([
      redis.zremrangebyscore(this.#key, "-inf", `(${Math.floor(now - this.#keptMs)}`),
      redis.zremrangebyscore(this.#guestsKey, "-inf", `(${Math.floor(now - LISTED_MS)}`),
    ]);
  }

  /**
   * Returns the rooms with the newest messages in no order, `count` written ones and as many collected ones.
   * Rejects with Redis's error.
   */
  async recent(redis: Redis, count: number): Promise<string[]> {
    const written = await redis.zrange(this.#key, "0", String(count - 1), "REV");
    const noted = [...this.#noted].sort(([, one], [, other]) => other - one).slice(0, count);
    return [...new Set([...written, ...noted.map(([room]) => room)])];
  }

  /**
   * Returns rooms from the `start`-th on, those with the oldest last message first. Rejects with Redis's
   * error.
   */
  quietest(redis: Redis, start: number, count: number): Promise<string[]> {
    return redis.zrange(this.#key, String(start), String(start + count - 1));
  }

  /**
   * Returns rooms that guests made within `fromMs` to `toMs` (Redis's clock), newest first, from the
   * `start`-th on; of one week at most. Rejects with Redis's error.
   */
  youngest(
    redis: Redis,
    { from, to }: { readonly from: number; readonly to: number },
    start: number,
    count: number,
  ): Promise<string[]> {
    const [least, most] = range(from, to);
    return redis.zrange(this.#guestsKey, most, least, "BYSCORE", "REV", "LIMIT", start, count);
  }

  /** Returns the number of these rooms; 0 if this user may not read it. Rejects with Redis's error. */
  count(redis: Redis, { from, to }: { readonly from: number; readonly to: number }): Promise<number> {
    return unlessRefused(redis.zcount(this.#guestsKey, ...range(from, to)), 0);
  }

  /** Removes rooms from both sets. Rejects with Redis's error. */
  async remove(redis: Redis, rooms: readonly string[]): Promise<void> {
    if (rooms.length === 0) return;
    await Promise.all([redis.zrem(this.#key, ...rooms), redis.zrem(this.#guestsKey, ...rooms)]);
  }
}

/** Returns the scores of a range of times, excluding the first. */
function range(from: number, to: number): [least: string, most: string] {
  return [`(${Math.floor(from)}`, Number.isFinite(to) ? String(Math.floor(to)) : "+inf"];
}
