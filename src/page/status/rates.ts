import type { ProcessView, StatusView } from "../../http/status/status-view.ts";

/** What one process does per second. */
export interface Rate {
  readonly messages: number;
  readonly deliveries: number;
  readonly refusals: number;
  /** Messages stored since the report before, per bucket of the time that it took. */
  readonly acks: readonly number[];
}

const NOTHING: Rate = { messages: 0, deliveries: 0, refusals: 0, acks: [] };

/**
 * Turns counters into rates, from one report of a process to its next. Processes report less often than the
 * page asks, so a rate is kept until the next report. Processes that are no longer reported are forgotten.
 */
export class ProcessRates {
  #reports = new Map<string, { readonly last: ProcessView; readonly rate: Rate }>();

  /** Returns the rates of the processes of `view` by instance, without those seen for the first time. */
  take({ processes }: StatusView): ReadonlyMap<string, Rate> {
    this.#reports = new Map(processes.map((process) => [process.instance, this.#next(process)]));
    return new Map([...this.#reports].map(([instance, { rate }]) => [instance, rate]));
  }

  #next(process: ProcessView): { readonly last: ProcessView; readonly rate: Rate } {
    const known = this.#reports.get(process.instance);
    if (known === undefined) return { last: process, rate: NOTHING };
    return process.at <= known.last.at ? known : { last: process, rate: rateBetween(known.last, process) };
  }
}

function rateBetween(before: ProcessView, after: ProcessView): Rate {
  const seconds = (after.at - before.at) / 1000;
  return {
    messages: (after.messages - before.messages) / seconds,
    deliveries: (after.deliveries - before.deliveries) / seconds,
    refusals: (after.refusals - before.refusals) / seconds,
    acks: after.acks.map((count, bucket) => count - (before.acks[bucket] ?? 0)),
  };
}

/**
 * Returns the milliseconds within which the `share` of all counted messages was stored: the end of the bucket
 * that it falls into. Undefined if nothing was counted. Times above all buckets count as the end of the last
 * one.
 */
export function quantile(
  ends: readonly number[],
  counts: readonly number[],
  share: number,
): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  let seen = 0;
  for (const [bucket, count] of counts.entries()) {
    seen += count;
    if (seen >= all * share) return (ends[bucket] ?? ends.at(-1) ?? 0) * 1000;
  }
  return undefined;
}
