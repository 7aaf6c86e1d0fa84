import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { withTimeout } from "../../with-timeout.ts";
import { describe, unlessRefused } from "../errors.ts";
import type { Timeouts } from "../timeouts.ts";

export interface ReplicaAcksListener {
  /** The connection on which replicas are waited for is of no use any more. */
  failed(reason: string): void;
}

/**
 * Whether enough replicas have what was written, for one link. `WAIT` blocks the connection it is sent on and counts only what
 * that connection itself has written, so it has a connection of its own, which writes a mark first: whatever
 * was answered before lies before the mark.
 *
 * One WAIT at a time answers for everybody who asked before it was sent. On the writer's connection it would cost
 * three quarters of the throughput, and with a frozen replica all of it.
 */
export class ReplicaAcks {
  readonly #redis: Redis;
  readonly #wanted: number;
  readonly #markChannel: string;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  readonly #listener: ReplicaAcksListener;
  #underWay: Promise<boolean> | undefined;
  /** Sent when the one under way has ended; whoever asks until then shares it. */
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
   * Whether enough replicas are known, within `ms` at most, to have everything that Redis answered before this call.
   * Never rejects. While replicas are known to be behind, the answer comes after `Timeouts.behindMs`: what is
   * refused anyway should not hold up the sender's next message.
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
    // Also without one under way a turn passes, so that everything answered in this one shares the WAIT.
    await before;
    this.#underWay = this.#next;
    this.#next = undefined;
    this.#inStep = await this.#wait();
    return this.#inStep;
  }

  async #wait(): Promise<boolean> {
    try {
      // Of all writes PUBLISH is the one that leaves no key and that a server without memory takes.
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
 * Fulfils if both connections lead to the same server: what one of them waits for says nothing about the other's
 * writes where a failover has fallen between making the two.
 */
export async function expectSameServer(one: Redis, other: Redis): Promise<void> {
  const [first, second] = await Promise.all([runId(one), runId(other)]);
  if (first !== second) throw new Error("the connections lead to different servers");
}

/** Drawn anew at every start of a server. */
async function runId(redis: Redis): Promise<string | undefined> {
  return /^run_id:(\w+)/m.exec(await unlessRefused(redis.info("server"), ""))?.[1];
}
