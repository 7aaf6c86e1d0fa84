import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { withTimeout } from "../../with-timeout.ts";
import { describe, unlessRefused } from "../errors.ts";
import type { Timeouts } from "../timeouts.ts";

export interface ReplicaAcksListener {
  /** Called when the connection on which replicas are awaited does not work any more. */
  failed(reason: string): void;
}

/**
 * Finds out whether enough replicas have what was written. `WAIT` blocks its connection and refers only to
 * writes of that connection, so it has a connection of its own, which first writes a mark: everything that
 * was answered before precedes the mark.
 * One WAIT at a time answers all calls that were made before it was sent. On the writer's connection it would
 * cost three quarters of the throughput, and with a frozen replica all of it.
 */
export class ReplicaAcks {
  readonly #redis: Redis;
  readonly #wanted: number;
  readonly #markChannel: string;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  readonly #listener: ReplicaAcksListener;
  #underWay: Promise<boolean> | undefined;
  /** The next WAIT, sent when the pending one has ended; calls until then share it. */
  #next: Promise<boolean> | undefined;
  #inStep = true;

  /** @param wanted at least 1. */
  constructor(
    redis: Redis,
    wanted: number,
    markChannel: string,
    timeouts: Timeouts,
    throttled: ThrottledLogger,
    listener: ReplicaAcksListener,
  ) {
    this.#redis = redis;
    this.#wanted = wanted;
    this.#markChannel = markChannel;
    this.#timeouts = timeouts;
    this.#throttled = throttled;
    this.#listener = listener;
  }

  /**
   * Returns whether enough replicas have everything that Redis answered before this call, within `ms` at
   * most. Never rejects. While replicas are known to be behind, the answer comes after `Timeouts.behindMs`,
   * because a message that is refused anyway should not delay the sender's next one.
   */
  async wait(ms: number): Promise<boolean> {
    this.#next ??= this.#follow(this.#underWay);
    const patience = this.#inStep ? this.#timeouts.inStepMs : this.#timeouts.behindMs;
    try {
      return await withTimeout(Math.min(ms, patience), this.#next);
    } catch {
      return false;
    }
  }

  async #follow(before: Promise<boolean> | undefined): Promise<boolean> {
    // Waits for at least one tick, so that all calls of this tick share the WAIT.
    await before;
    this.#underWay = this.#next;
    this.#next = undefined;
    this.#inStep = await this.#wait();
    return this.#inStep;
  }

  async #wait(): Promise<boolean> {
    try {
      // PUBLISH is the only write that leaves no key, and that a full server accepts.
      const [, have] = await Promise.all([
        this.#redis.publish(this.#markChannel, ""),
        this.#redis.wait(this.#wanted, this.#timeouts.waitMs),
      ]);
      if (have >= this.#wanted) return true;
      this.#throttled.log("warn", "too few replicas have the newest messages; they are not acknowledged", {
        wanted: this.#wanted,
        have,
      });
    } catch (error) {
      this.#listener.failed(describe(error));
    }
    return false;
  }
}

/**
 * Fulfils if both connections lead to the same server, else rejects. After a failover between making the two,
 * a WAIT on one would tell nothing about writes on the other.
 */
export async function expectSameServer(one: Redis, other: Redis): Promise<void> {
  const [first, second] = await Promise.all([runId(one), runId(other)]);
  if (first !== second) throw new Error("the connections lead to different servers");
}

/** Returns the server's run id, which is new at every start of a server. */
async function runId(redis: Redis): Promise<string | undefined> {
  return /^run_id:(\w+)/m.exec(await unlessRefused(redis.info("server"), ""))?.[1];
}
