import type { Redis } from "ioredis";
import { timeOf } from "../../protocol.ts";
import { NOTE_ROOMS } from "./scripts.ts";

/** Rooms noted by one script: few enough for Lua's stack. */
const BATCH = 500;
/** Rooms noted here and not in Redis yet; of more the next message is noted. */
const MAX_NOTED = 10_000;
/** A room's log expires up to this long after its days are over (append.lua). */
const GRACE_MS = 3_600_000;

/**
 * The rooms that have a log, by the time of their last message: one sorted set. A process notes here what it
 * stored and writes it every few seconds, because the append script may touch only keys of the room's own slot. A room
 * that it did not write the last time, a new one above all, is written soon, so that everybody's list has it.
 */
export class RoomIndex {
  readonly #key: string;
  readonly #keptMs: number;
  /** Room to ms. Emptied by `flush`. */
  #noted = new Map<string, number>();
  /** Rooms written since the last `flush`, or by it. Those that nobody spoke in since leave with the next one. */
  #written = new Set<string>();
  /** Of those noted, the ones that are not in `#written`. Emptied by each write. */
  readonly #unwritten = new Set<string>();
  #due: NodeJS.Timeout | undefined;
  readonly #soonMs: number;
  readonly #writeSoon: () => void;

  /**
   * @param keptMs how long a room's log outlives its last message.
   * @param soonMs how long a room may wait that was not written the last time.
   * @param writeSoon called when it has waited, to call `writeNew`.
   */
  constructor(key: string, keptMs: number, soonMs: number, writeSoon: () => void) {
    this.#key = key;
    this.#keptMs = keptMs + GRACE_MS;
    this.#soonMs = soonMs;
    this.#writeSoon = writeSoon;
  }

  /** A message was stored. */
  note(room: string, id: string): void {
    if (this.#noted.size >= MAX_NOTED && !this.#noted.has(room)) return;
    this.#noted.set(room, timeOf(id));
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
      await NOTE_ROOMS.run(redis, [this.#key], [this.#keptMs, ...batch.flatMap(([room, ms]) => [ms, room])]);
      for (const [room, ms] of batch) if (this.#noted.get(room) === ms) this.#noted.delete(room);
    }
  }

  /** Forgets rooms whose log has expired by `now` (ms, Redis's clock). Rejects with whatever Redis said. */
  async forget(redis: Redis, now: number): Promise<void> {
    await redis.zremrangebyscore(this.#key, "-inf", `(${Math.floor(now - this.#keptMs)}`);
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
}
