import type { Redis } from "ioredis";
import { LEVELS } from "../growth.ts";
import { type Memory, readMemory } from "./memory-use.ts";

/** How long a refusal for lack of memory counts where the server does not say how much it uses, ms. */
const FULL_MS = 5_000;

/** Reads every second how much of its memory the server uses: every process decides by it what it still takes. */
export class MemoryWatch {
  readonly #everyMs: number;
  readonly #tight: () => void;
  #timer: NodeJS.Timeout | undefined;
  #redis: Redis | undefined;
  #asking = false;
  #share = 0;
  /** The last refusal for lack of memory, as performance.now() tells it. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param tight called after each reading above `LEVELS.tight`. */
  constructor(everyMs: number, tight: () => void) {
    this.#everyMs = everyMs;
    this.#tight = tight;
  }

  /** The share of its memory that the server uses, 0 to 1; 0 where it does not say or has no limit, 1 after it refused a write. */
  get share(): number {
    return performance.now() - this.#fullAt < FULL_MS ? 1 : this.#share;
  }

  start(redis: Redis): void {
    this.stop();
    this.#redis = redis;
    this.#timer = setInterval(this.#ask, this.#everyMs).unref();
    this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#redis = undefined;
  }

  /** The server refused a write for lack of memory. */
  full(): void {
    this.#fullAt = performance.now();
  }

  readonly #ask = (): void => {
    const redis = this.#redis;
    if (redis === undefined || this.#asking) return;
    this.#asking = true;
    readMemory(redis)
      .then((memory) => {
        if (this.#redis === redis) this.#learn(memory);
      })
      // A connection that fails is noticed by the round trip.
      .catch(() => undefined)
      .finally(() => {
        this.#asking = false;
      });
  };

  #learn({ used, limit }: Memory): void {
    this.#share = limit > 0 ? used / limit : 0;
    // What it says now is newer than what it refused.
    if (limit > 0) this.#fullAt = Number.NEGATIVE_INFINITY;
    if (this.#share > LEVELS.tight) this.#tight();
  }
}
