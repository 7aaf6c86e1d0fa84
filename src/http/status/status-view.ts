/**
 * The answer of `/status/fleet`, which the operator's page reads. It has numbers, and no names of rooms or
 * users.
 */

/** One running process. Its counters begin at 0 when it starts. */
export interface ProcessView {
  readonly instance: string;
  /** The platform's names for it; empty without a platform. */
  readonly dyno: string;
  readonly release: string;
  readonly version: string;
  readonly node: string;
  /** When it started and when it gave these numbers, ms since 1970. */
  readonly startedAt: number;
  readonly at: number;
  /** What an operator should know first. */
  readonly state: "serving" | "draining" | "overloaded" | "log away";
  /** The reason of the store's state, a few words. */
  readonly logReason: string;
  /** What the operator should change about the store, a sentence each. */
  readonly logWarnings: readonly string[];
  /** Time since the last completed round trip through the store, ms; null while the store is away. */
  readonly roundTripAgeMs: number | null;
  readonly sockets: number;
  readonly rooms: number;
  /** Counters. */
  readonly messages: number;
  readonly deliveries: number;
  readonly refusals: number;
  /**
   * Messages by the time until they were stored: one count per bucket of `StatusView.ackBuckets`, and one for
   * those that took longer.
   */
  readonly acks: readonly number[];
  readonly loopDelayP99Ms: number;
  /** Bytes. */
  readonly resident: number;
  readonly heapUsed: number;
  readonly heapLimit: number;
}

/** The answer of `/status/fleet`. */
export interface StatusView {
  /** The server's clock, ms since 1970. */
  readonly now: number;
  /** The kind of the store: "redis", or "embedded" in the one process. */
  readonly logKind: string;
  /** Upper bounds of the buckets, seconds. */
  readonly ackBuckets: readonly number[];
  readonly processes: readonly ProcessView[];
}
