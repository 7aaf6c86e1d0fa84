import type { Redis } from "ioredis";
import type { ServerClock } from "./node/server-clock.ts";
import type { Timeouts } from "./timeouts.ts";

/**
 * What the living processes say of themselves: one hash, a field a process, each with the time at which it was written by
 * Redis's clock. Who reads removes what connections that are gone left, so the hash is never larger than the processes of some seconds.
 */
export class Reports {
  readonly #key: string;
  readonly #instance: string;
  readonly #clock: ServerClock;
  readonly #timeouts: Timeouts;

  constructor(key: string, instance: string, clock: ServerClock, timeouts: Timeouts) {
    this.#key = key;
    this.#instance = instance;
    this.#clock = clock;
    this.#timeouts = timeouts;
  }

  /** Rejects with whatever Redis said. */
  async write(redis: Redis, text: string): Promise<void> {
    await Promise.all([
      redis.hset(this.#key, this.#instance, `${Math.round(this.#clock.now())} ${text}`),
      redis.pexpire(this.#key, this.#timeouts.reportMs),
    ]);
  }

  /** The texts of those that wrote within `Timeouts.reportMs`. Rejects with whatever Redis said. */
  async read(redis: Redis): Promise<string[]> {
    const fields = Object.entries(await redis.hgetall(this.#key));
    const oldest = this.#clock.now() - this.#timeouts.reportMs;
    const dead = fields.filter(([, value]) => writtenAt(value) < oldest);
    if (dead.length > 0) await redis.hdel(this.#key, ...dead.map(([instance]) => instance));
    return fields
      .filter(([, value]) => writtenAt(value) >= oldest)
      .map(([, value]) => value.slice(value.indexOf(" ") + 1));
  }

  /** How many processes there are, give or take those that just died. Rejects with whatever Redis said. */
  count(redis: Redis): Promise<number> {
    return redis.hlen(this.#key);
  }

  /** Takes back what this process said. Rejects with whatever Redis said. */
  async withdraw(redis: Redis): Promise<void> {
    await redis.hdel(this.#key, this.#instance);
  }
}

/** ms since 1970; what no process of this program wrote is as old as can be. */
function writtenAt(value: string): number {
  return Number(/^(\d+) /.exec(value)?.[1] ?? 0);
}
