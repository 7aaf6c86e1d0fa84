import type { Redis } from "ioredis";
import type { Logger } from "../../../logging/logger.ts";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { LEVELS } from "../../quotas.ts";
import { describe } from "../errors.ts";
import type { Keys } from "../keys.ts";
import { TRIMMER } from "../node/scripts.ts";
import type { ServerClock } from "../node/server-clock.ts";
import type { Timeouts } from "../timeouts.ts";
import { type Memory, readMemory } from "./memory-use.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Reclaim, type Reclaimed } from "./reclaim.ts";
import type { RoomIndex } from "./room-index.ts";

/**
 * Frees space before the server is full. Every process tries every few seconds to become the one that does
 * it, and one succeeds. Two at once, after a lease that expired too soon, would do the same thing twice
 * without harm.
 * The append script enforces the days, bytes and number of messages of an active room, and the keys of an
 * inactive room expire. What remains is that all rooms together are too large: see `Reclaim`. The newest
 * message of a room with users in it is always kept, so that their cursors stay valid.
 */
export class HistoryTrimmer {
  readonly #keys: Keys;
  readonly #instance: string;
  readonly #index: RoomIndex;
  readonly #clock: ServerClock;
  readonly #timeouts: Timeouts;
  readonly #logger: Logger;
  readonly #throttled: ThrottledLogger;
  #timer: NodeJS.Timeout | undefined;
  #redis: Redis | undefined;
  #underWay = false;
  #lastRound = 0;
  readonly #reclaim: Reclaim;
  readonly #memory: MemoryWatch;
  /** Whether a message was refused for lack of memory since the last round. */
  #isFull = false;

  constructor(
    keys: Keys,
    instance: string,
    index: RoomIndex,
    clock: ServerClock,
    timeouts: Timeouts,
    logger: Logger,
    throttled: ThrottledLogger,
  ) {
    this.#keys = keys;
    this.#instance = instance;
    this.#index = index;
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#logger = logger;
    this.#throttled = throttled;
    this.#reclaim = new Reclaim(keys, index);
    this.#memory = new MemoryWatch(timeouts.memoryMs, () => this.#soon());
  }

  /** Used share of the server's memory, see `MemoryWatch.share`. */
  get share(): number {
    return this.#memory.share;
  }

  /** To be called when this process has stored that many bytes, approximately. */
  stored(bytes: number): void {
    this.#memory.stored(bytes);
  }

  /** Runs a round every few seconds on this connection, until `stop`. */
  start(redis: Redis): void {
    this.stop();
    this.#redis = redis;
    this.#timer = setInterval(this.#tick, this.#timeouts.trimMs);
    this.#memory.start(redis);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#memory.stop();
    this.#redis = undefined;
  }

  /** To be called when Redis refuses messages: runs a round at once, unless the last one was a moment ago. */
  full(): void {
    this.#isFull = true;
    this.#memory.full();
    this.#soon();
  }

  #soon(): void {
    if (performance.now() - this.#lastRound > this.#timeouts.fullPauseMs) this.#tick();
  }

  readonly #tick = (): void => {
    const redis = this.#redis;
    if (redis === undefined || this.#underWay) return;
    this.#underWay = true;
    this.#round(redis)
      .catch((error: unknown) => {
        // The reason why the connection was given up has been logged.
        if (this.#redis !== redis) return;
        this.#throttled.log("warn", "history trimming failed", { reason: describe(error) });
      })
      .finally(() => {
        this.#underWay = false;
        this.#lastRound = performance.now();
      });
  };

  async #round(redis: Redis): Promise<void> {
    await this.#index.flush(redis);
    const leads = await this.#leads(redis);
    const refused = this.#isFull;
    if (!leads && !refused) return;
    const memory = await readMemory(redis);
    // If the server does not tell its memory use, only a process that was refused knows that it is full.
    if (!leads && memory.limit > 0) return;
    await this.#index.forget(redis, this.#clock.now());
    // A message that was refused since then is for the next round.
    if (refused) this.#isFull = false;
    if (!isAbove(LEVELS.tight, memory) && !(refused && memory.limit === 0)) {
      this.#reclaim.startOver();
      return;
    }
    this.#report(memory, await this.#reclaim.round(redis, this.#clock.now(), memory));
  }

  async #leads(redis: Redis): Promise<boolean> {
    const { trimmerLeaseMs } = this.#timeouts;
    const reply = await TRIMMER.run(redis, [this.#keys.trimmerLease()], [this.#instance, trimmerLeaseMs]);
    return reply === 1;
  }

  #report(before: Memory, { memory: after, ...removed }: Reclaimed): void {
    const fields = { ...removed, usedBefore: before.used, used: after.used, limit: after.limit };
    if (removed.rooms + removed.senders + removed.deleted > 0)
      this.#logger.warn(fields, "Redis is nearly full: rooms were shortened, or guests' keys forgotten");
    if (this.#reclaim.isExhausted) {
      this.#throttled.log("error", "Redis is nearly full, and no room can be shortened further", fields);
    }
    const isDone = after.limit > 0 && !isAbove(LEVELS.easy, after);
    if (isDone || this.#reclaim.isExhausted) this.#reclaim.startOver();
  }
}

function isAbove(share: number, { used, limit }: Memory): boolean {
  return limit > 0 && used > share * limit;
}
