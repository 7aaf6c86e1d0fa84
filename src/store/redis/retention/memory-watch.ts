import type { Redis } from "ioredis";
import { LEVELS } from "../../guest-quotas.ts";
import { type Memory, readMemory } from "./memory-use.ts";

/** How long a refusal for lack of memory counts where the server does not say how much it uses, ms. */
const FULL_MS = 5_000;

/** From this share on, it is read more often. */
const BUSY = 0.7;
const BUSY_TIMES = 5;

/** Reads every second how much of its memory the server uses: every process decides by it what it still takes. */
export class MemoryWatch {
  readonly #everyMs: number;
  readonly #tight: () => void;
  #timer: NodeJS.Timeout | undefined;
  #redis: Redis | undefined;
  #memory: Memory = { used: 0, limit: 0 };
  /** Bytes that this process had stored since it was read, roughly. */
  #stored = 0;
  /** The last refusal for lack of memory, as performance.now() tells it. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param tight called after each reading above `LEVELS.tight`. */
  constructor(everyMs: number, tight: () => void) {
    this.#everyMs = everyMs;
    this.#tight = tight;
  }

  /**
   * The share of its memory that the server uses, 0 to 1, with what this process stored since; 0 where it does not say or has no limit,
   * 1 after it refused a write.
   */
  get share(): number {
    if (performance.now() - this.#fullAt < FULL_MS) return 1;
    const { used, limit } = this.#memory;
    return limit > 0 ? (used + this.#stored) / limit : 0;
  }

  start(redis: Redis): void {
    this.stop();
    this.#redis = redis;
    void this.#ask(redis);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#redis = undefined;
  }

  /** This process had that many bytes stored, roughly. */
  stored(bytes: number): void {
    this.#stored += bytes;
  }

  /** The server refused a write for lack of memory. */
  full(): void {
    this.#fullAt = performance.now();
  }

  async #ask(redis: Redis): Promise<void> {
    try {
      const memory = await readMemory(redis);
      if (this.#redis === redis) this.#learn(memory);
    } catch {
      // A connection that fails is noticed by the round trip.
    }
    if (this.#redis !== redis) return;
    const pauseMs = this.share > BUSY ? this.#everyMs / BUSY_TIMES : this.#everyMs;
    this.#timer = setTimeout(() => void this.#ask(redis), pauseMs).unref();
  }

  #learn(memory: Memory): void {
    this.#memory = memory;
    this.#stored = 0;
    // What it says now is newer than what it refused.
    if (memory.limit > 0) this.#fullAt = Number.NEGATIVE_INFINITY;
    if (this.share > LEVELS.tight) this.#tight();
  }
}
