import type { ErrorCode } from "../protocol/codes.ts";
import { Latencies } from "./latencies.ts";
import type { LimitName } from "./limits/limit-names.ts";

/**
 * Counters of what this process has done since it started. Plain numbers that only grow, so that counting
 * costs one addition on every hot path. The names of the plain ones are stored (`ProcessStats.counts`):
 * processes of two versions must agree on them.
 */
export class Counters {
  /** Messages that this process stored; a repeated key is not counted again. */
  messages = 0;
  /** Messages whose key was stored before. */
  duplicates = 0;
  /** Deliveries of stored entries as they arrived: one message to a hundred members counts as a hundred. */
  deliveries = 0;
  /** Bytes of these deliveries on the wire. */
  deliveredBytes = 0;
  /** Batches that rooms wrote to their members. */
  batches = 0;
  /** Presence and typing frames that were dropped for readers that are too slow. */
  droppedHints = 0;
  /** Times a room read the store because something may have been missing. */
  catchUps = 0;
  /** Catch-ups that found missing entries. */
  holes = 0;
  /** Entries that catch-ups recovered. */
  recovered = 0;
  /** Times a room restarted because the store did not continue what it had. */
  resets = 0;
  /** Times the store was lost. */
  logLosses = 0;
  /** Times the store came back after a loss. */
  logReturns = 0;
  /** Sockets and event streams opened. */
  opened = 0;
  /** Drains begun. */
  drains = 0;
  /** Log lines dropped because they were not read in time. */
  droppedLines = 0;
  /** Time from a message's arrival until it was stored. */
  readonly acks = new Latencies();
  /** Error answers, by code. */
  readonly errors = new Map<ErrorCode, number>();
  /** What limits rejected, by limit. */
  readonly limited = new Map<LimitName, number>();
  /** Sockets and event streams closed, by close code. */
  readonly closes = new Map<number, number>();
  /** Answers of the HTTP interface, by status. */
  readonly answers = new Map<number, number>();
  /** Rejected upgrades, by HTTP status. */
  readonly refusedUpgrades = new Map<number, number>();
}

/** Adds one to the count of `key`. The caller must bound the number of keys. */
export function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
