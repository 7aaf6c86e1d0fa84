import type { Redis } from "ioredis";
import { isRight, type Right } from "../../../protocol/rights.ts";
import { GRANT_MS } from "../../access.ts";
import type { Keys } from "../keys.ts";
import type { ServerClock } from "../node/server-clock.ts";

/**
 * Remembers what the embedding app granted: one hash per room and span of `GRANT_MS`, of which the last two
 * count, so that each expires as a whole. All calls reject with Redis's error.
 */
export class Grants {
  readonly #keys: Keys;
  readonly #clock: ServerClock;

  constructor(keys: Keys, clock: ServerClock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Returns the keys that count now, the newer one first. */
  keysOf(room: string): readonly [string, string] {
    const span = Math.floor(this.#clock.now() / GRANT_MS);
    return [this.#keys.granted(room, span), this.#keys.granted(room, span - 1)];
  }

  /** Remembers rights by user id. */
  async write(redis: Redis, room: string, rights: ReadonlyMap<string, Right>): Promise<void> {
    const [key] = this.keysOf(room);
    if (rights.size === 0) return;
    await Promise.all([redis.hset(key, Object.fromEntries(rights)), redis.pexpire(key, 2 * GRANT_MS)]);
  }

  /** Returns what was granted to a user; undefined = nothing. */
  async of(redis: Redis, room: string, user: string): Promise<Right | undefined> {
    const granted = await Promise.all(this.keysOf(room).map((key) => redis.hget(key, user)));
    return granted.find(isRight);
  }
}
