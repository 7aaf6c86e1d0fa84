import type { ErrorCode } from "../protocol/codes.ts";
import { Latencies } from "./latencies.ts";
import type { LimitName } from "./limits/limit-names.ts";

/**
 * What this process has done since it started, for whoever watches it. Plain numbers that only grow, so that counting
 * costs one addition, also where everything hot passes.
 */
export class Counters {
  /** Messages that this process had stored; repeated keys are not counted again. */
  messages = 0;
  /** Messages whose key was stored before. */
  duplicates = 0;
  /** Stored entries handed to connections as they came: one message to a hundred members is a hundred. */
  deliveries = 0;
  /** Of these, bytes on the wire. */
  deliveredBytes = 0;
  /** Times a room wrote what was due to its members. */
  batches = 0;
  /** Presence and typing frames kept from readers that are too slow. */
  droppedHints = 0;
  /** Times a room read the store because something may have been missing. */
  catchUps = 0;
  /** Catch-ups that found something missing. */
  holes = 0;
  /** Messages that catch-ups brought. */
  recovered = 0;
  /** Rooms that began again because the store did not continue where they were. */
  resets = 0;
  /** Times the store was lost. */
  logLosses = 0;
  /** Times the store came back after a loss. */
  logReturns = 0;
  /** Sockets opened. */
  opened = 0;
  /** Drains begun. */
  drains = 0;
  /** Log lines dropped because nobody read them in time. */
  droppedLines = 0;
  /** From a message's arrival until the store had it. */
  readonly acks = new Latencies();
  /** Requests refused, by the code that was sent. */
  readonly errors = new Map<ErrorCode, number>();
  /** What a limit refused, by the limit. */
  readonly limited = new Map<LimitName, number>();
  /** Sockets closed, by close code. */
  readonly closes = new Map<number, number>();
  /** Requests to the HTTP interface answered, by status. */
  readonly answers = new Map<number, number>();
  /** Upgrades refused, by HTTP status. */
  readonly refusedUpgrades = new Map<number, number>();
}

/** Counts one more of `key`. Whoever calls sees to it that there are few keys. */
export function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
