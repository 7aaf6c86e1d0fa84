import type { Redis } from "ioredis";
import type { ServerClock } from "./node/server-clock.ts";
import type { Timeouts } from "./timeouts.ts";

/**
 * The reports of the running processes: one hash with a field per process, each with the time of writing by
 * Redis's clock. A read removes expired reports, so the hash holds only the processes of some seconds.
 */
export class ProcessReports {
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

  /** Stores the report of this process. Rejects with Redis's error. */
  async write(redis: Redis, text: string): Promise<void> {
    await Promise.all([
      redis.hset(this.#key, this.#instance, `${Math.round(this.#clock.now())} ${text}`),
      redis.pexpire(this.#key, this.#timeouts.reportMs),
    ]);
  }

  /** Returns the reports of the last `Timeouts.reportMs`. Rejects with Redis's error. */
  async read(redis: Redis): Promise<string[]> {
    const fields = Object.entries(await redis.hgetall(this.#key));
    const oldest = this.#clock.now() - this.#timeouts.reportMs;
    const dead = fields.filter(([, value]) => writtenAt(value) < oldest);
    if (dead.length > 0) await redis.hdel(this.#key, ...dead.map(([instance]) => instance));
    return fields
      .filter(([, value]) => writtenAt(value) >= oldest)
      .map(([, value]) => value.slice(value.indexOf(" ") + 1));
  }

  /** Returns the number of processes, including those that ended a moment ago. Rejects with Redis's error. */
  count(redis: Redis): Promise<number> {
    return redis.hlen(this.#key);
  }

  /** Removes the report of this process. Rejects with Redis's error. */
  async withdraw(redis: Redis): Promise<void> {
    await redis.hdel(this.#key, this.#instance);
  }
}

/** Returns the time of a report in ms since 1970; the smallest number for a value that is no report. */
function writtenAt(value: string): number {
  return Number(/^(\d+) /.exec(value)?.[1] ?? 0);
}
