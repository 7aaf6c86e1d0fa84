import type { Redis } from "ioredis";
import { LEVELS } from "../../quotas.ts";
import { type Memory, readMemory } from "./memory-use.ts";

/** Milliseconds for which a refusal for lack of memory counts if the server does not tell its use. */
const FULL_MS = 5_000;

/** Share from which on the use is read more often. */
const BUSY = 0.7;
const BUSY_TIMES = 5;

/** Reads the server's use of memory every second; every process decides by it what it still accepts. */
export class MemoryWatch {
  readonly #everyMs: number;
  readonly #tight: () => void;
  #timer: NodeJS.Timeout | undefined;
  #redis: Redis | undefined;
  #memory: Memory = { used: 0, limit: 0 };
  /** Approximate bytes that this process has stored since the last reading. */
  #stored = 0;
  /** Time of the last refusal for lack of memory, as performance.now(). */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param tight called after each reading above `LEVELS.tight`. */
  constructor(everyMs: number, tight: () => void) {
    this.#everyMs = everyMs;
    this.#tight = tight;
  }

  /**
   * Used share of the server's memory, 0 to 1, with what this process has stored since the reading; 0 if the
   * server does not tell or has no limit, 1 after it has refused a write.
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

  /** To be called when this process has stored that many bytes, approximately. */
  stored(bytes: number): void {
    this.#stored += bytes;
  }

  /** To be called when the server refused a write for lack of memory. */
  full(): void {
    this.#fullAt = performance.now();
  }

  async #ask(redis: Redis): Promise<void> {
    try {
      const memory = await readMemory(redis);
      if (this.#redis === redis) this.#learn(memory);
    } catch {
      // The probe notices a connection that fails.
    }
    if (this.#redis !== redis) return;
    const pauseMs = this.share > BUSY ? this.#everyMs / BUSY_TIMES : this.#everyMs;
    this.#timer = setTimeout(() => void this.#ask(redis), pauseMs).unref();
  }

  #learn(memory: Memory): void {
    this.#memory = memory;
    this.#stored = 0;
    // The reading is newer than the refusal.
    if (memory.limit > 0) this.#fullAt = Number.NEGATIVE_INFINITY;
    if (this.share > LEVELS.tight) this.#tight();
  }
}
