/** What the operator's page is told: the contract between `/status/fleet` and the page. Numbers, and no name of a room or a person. */

/** One living process. Counters begin at 0 with it. */
export interface ProcessView {
  readonly instance: string;
  /** The platform's names for it; empty where there is no platform. */
  readonly dyno: string;
  readonly release: string;
  readonly version: string;
  readonly node: string;
  /** When it started and when it gave these numbers, ms since 1970. */
  readonly startedAt: number;
  readonly at: number;
  /** What somebody who looks should know first. */
  readonly state: "serving" | "draining" | "overloaded" | "log away";
  /** Why the store is as it is, a few words. */
  readonly logReason: string;
  /** What the operator should change about the place where messages live, a sentence each. */
  readonly logWarnings: readonly string[];
  /** Since the last proof that what goes to the store comes back, ms; null while the store is away. */
  readonly roundTripAgeMs: number | null;
  readonly sockets: number;
  readonly rooms: number;
  /** Counters. */
  readonly messages: number;
  readonly deliveries: number;
  readonly refusals: number;
  /** Messages until they were stored, one number a bucket of `StatusView.ackBuckets`, and one for what took longer. */
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
  /** Where messages live: "redis", or "embedded" in the one process. */
  readonly logKind: string;
  /** Upper ends, seconds. */
  readonly ackBuckets: readonly number[];
  readonly processes: readonly ProcessView[];
}
