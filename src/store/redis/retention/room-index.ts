import type { Redis } from "ioredis";
import { timeOf } from "../../../protocol/ids.ts";
import { unlessRefused } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { NOTE_ROOMS } from "../node/scripts.ts";

const DAY_MS = 86_400_000;
/** Rooms noted by one script: few enough for Lua's stack. */
const BATCH = 500;
/** Rooms noted here and not in Redis yet; of more the next message is noted. */
const MAX_NOTED = 10_000;
/** A room's stream expires up to this long after its days are over (append.lua). */
const GRACE_MS = 3_600_000;
/** A room that a guest made is listed as one for that long. */
const LISTED_MS = 7 * DAY_MS;

/**
 * The rooms that have a stream, by the time of their last message: one sorted set; and those that guests made within a week, by the time
 * of their first: another one. A process notes here what it
 * stored and writes it every few seconds, because the append script may touch only keys of the room's own slot. A room
 * that it did not write the last time, a new one above all, is written soon, so that everybody's list has it.
 */
export class RoomIndex {
  readonly #key: string;
  readonly #guestsKey: string;
  readonly #keptMs: number;
  /** Room to ms. Emptied by `flush`. */
  #noted = new Map<string, number>();
  /** Of those noted, the ones that a guest made, and when. Emptied as `#noted` is. */
  readonly #made = new Map<string, number>();
  /** Rooms written since the last `flush`, or by it. Those that nobody spoke in since leave with the next one. */
  #written = new Set<string>();
  /** Of those noted, the ones that are not in `#written`. Emptied by each write. */
  readonly #unwritten = new Set<string>();
  #due: NodeJS.Timeout | undefined;
  readonly #soonMs: number;
  readonly #writeSoon: () => void;

  /**
   * @param historyDays for which a room's stream outlives its last message.
   * @param soonMs how long a room may wait that was not written the last time.
   * @param writeSoon called when it has waited, to call `writeNew`.
   */
  constructor(keys: Keys, historyDays: number, soonMs: number, writeSoon: () => void) {
    this.#key = keys.rooms();
    this.#guestsKey = keys.guestRooms();
    this.#keptMs = historyDays * DAY_MS + GRACE_MS;
    this.#soonMs = soonMs;
    this.#writeSoon = writeSoon;
  }

  /** A message was stored. `isNew`: it made the room, and is a guest's. */
  note(room: string, id: string, isNew = false): void {
    if (this.#noted.size >= MAX_NOTED && !this.#noted.has(room)) return;
    this.#noted.set(room, timeOf(id));
    if (isNew) this.#made.set(room, timeOf(id));
    if (this.#written.has(room)) return;
    this.#unwritten.add(room);
    this.#due ??= setTimeout(this.#soon, this.#soonMs).unref();
  }

  /** Writes what was noted. Rejects with whatever Redis said; what was not written stays noted. */
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

  /** Forgets rooms whose stream has expired by `now` (ms, Redis's clock). Rejects with whatever Redis said. */
  async forget(redis: Redis, now: number): Promise<void> {
    await Promise.all([
      redis.zremrangebyscore(this.#key, "-inf", `(${Math.floor(now - this.#keptMs)}`),
      redis.zremrangebyscore(this.#guestsKey, "-inf", `(${Math.floor(now - LISTED_MS)}`),
    ]);
  }

  /** The rooms spoken in last, in no order, `count` of those written and as many noted here. Rejects with whatever Redis said. */
  async recent(redis: Redis, count: number): Promise<string[]> {
    const written = await redis.zrange(this.#key, "0", String(count - 1), "REV");
    const noted = [...this.#noted].sort(([, one], [, other]) => other - one).slice(0, count);
    return [...new Set([...written, ...noted.map(([room]) => room)])];
  }

  /** Some rooms, the longest quiet first, from the `start`-th on. Rejects with whatever Redis said. */
  quietest(redis: Redis, start: number, count: number): Promise<string[]> {
    return redis.zrange(this.#key, String(start), String(start + count - 1));
  }

  /**
   * Some rooms that guests made within `fromMs` to `toMs` (Redis's clock), the youngest first, from the `start`-th on; of a week at most.
   * Rejects with whatever Redis said.
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

  /** How many there are of these; 0 where this user may not ask. Rejects with whatever Redis said. */
  count(redis: Redis, { from, to }: { readonly from: number; readonly to: number }): Promise<number> {
    return unlessRefused(redis.zcount(this.#guestsKey, ...range(from, to)), 0);
  }

  /** Takes rooms off both lists. Rejects with whatever Redis said. */
  async remove(redis: Redis, rooms: readonly string[]): Promise<void> {
    if (rooms.length === 0) return;
    await Promise.all([redis.zrem(this.#key, ...rooms), redis.zrem(this.#guestsKey, ...rooms)]);
  }
}

/** The scores of times, the first excluded. */
function range(from: number, to: number): [least: string, most: string] {
  return [`(${Math.floor(from)}`, Number.isFinite(to) ? String(Math.floor(to)) : "+inf"];
}
