import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { describe } from "../errors.ts";
import { LEASE } from "../node/scripts.ts";
import type { Timeouts } from "../timeouts.ts";

/** A key that exists while this process runs. What a process recorded is valid only as long as its lease. */
export class Lease {
  readonly #key: string;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  #timer: NodeJS.Timeout | undefined;
  /** The connection of the last `start` that was not stopped. */
  #holder: Redis | undefined;

  constructor(key: string, timeouts: Timeouts, throttled: ThrottledLogger) {
    this.#key = key;
    this.#timeouts = timeouts;
    this.#throttled = throttled;
  }

  /** Takes the lease and refreshes it until `stop`. Rejects when it could not be taken. */
  async start(redis: Redis): Promise<void> {
    this.stop();
    this.#holder = redis;
    await this.#take(redis);
    if (this.#holder === redis)
      this.#timer = setInterval(() => this.#refresh(redis), this.#timeouts.leaseRefreshMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#holder = undefined;
  }

  /** Gives up the lease, so that others need not wait for its expiry. */
  async giveUp(redis: Redis): Promise<void> {
    this.stop();
    await redis.del(this.#key);
  }

  async #take(redis: Redis): Promise<void> {
    await LEASE.run(redis, [this.#key], [this.#timeouts.leaseMs]);
  }

  #refresh(redis: Redis): void {
    this.#take(redis).catch((error: unknown) => {
      this.#throttled.log("warn", "the lease could not be refreshed", { reason: describe(error) });
    });
  }
}
