import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import type { Timeouts } from "../timeouts.ts";
import { KNOW, NEED } from "./scripts.ts";
import { UnusableServer } from "./unusable-server.ts";

/**
 * Keeps releases apart that must not serve the same data. What is stored may need features that a release does not know: such a
 * release does not serve, and nothing that needs a feature is stored while a process lives that does not know it.
 */
export class FeatureFence {
  readonly #keys: Keys;
  readonly #instance: string;
  readonly #known: readonly string[];
  readonly #timeouts: Timeouts;
  /** What the data needed when it was last looked at. */
  #needed: ReadonlySet<string> = new Set();

  constructor(keys: Keys, instance: string, known: readonly string[], timeouts: Timeouts) {
    this.#keys = keys;
    this.#instance = instance;
    this.#known = known;
    this.#timeouts = timeouts;
  }

  /**
   * Says what this release knows, which holds for `Timeouts.leaseMs`, and reads what the data needs. Rejects with UnusableServer where that
   * is something it does not know, else as the command does.
   */
  async check(redis: Redis): Promise<void> {
    const keys = [this.#keys.needs(), this.#keys.knows()];
    const reply = await KNOW.run(redis, keys, [this.#instance, this.#timeouts.leaseMs, ...this.#known]);
    this.#needed = new Set(namesIn(reply));
    const unknown = [...this.#needed].filter((feature) => !this.#known.includes(feature)).sort();
    if (unknown.length === 0) return;
    throw new UnusableServer(
      `the stored data needs a later release, one that knows ${unknown.join(", ")}; deploy that release again`,
    );
  }

  /**
   * Makes the data need a feature of this release from now on. Returns the instances of living processes that do not know it; where there
   * are any, the data does not need it yet. Rejects as the command does.
   */
  async require(redis: Redis, feature: string): Promise<readonly string[]> {
    if (this.#needed.has(feature)) return [];
    const { leaseMs, reportMs } = this.#timeouts;
    const keys = [this.#keys.needs(), this.#keys.knows(), this.#keys.processes(), this.#keys.trial().key];
    const ignorant = namesIn(await NEED.run(redis, keys, [feature, leaseMs, reportMs]));
    if (ignorant.length === 0) this.#needed = new Set([...this.#needed, feature]);
    return ignorant;
  }

  /** Takes back what this process said. Rejects as the command does. */
  async withdraw(redis: Redis): Promise<void> {
    await redis.hdel(this.#keys.knows(), this.#instance);
  }
}

function namesIn(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
