import type { Participant } from "./participant.ts";

/** What clients saw of one act. */
export interface Measure {
  readonly act: string;
  readonly planned: boolean;
  /** How long the act took, until everybody had service again, ms. */
  readonly lastedMs: number;
  /** Clients that were without service at all. */
  readonly interrupted: number;
  /** Of these, each one's longest time without service: the median and the longest, ms; 0 if there were none. */
  readonly medianMs: number;
  readonly longestMs: number;
  /** The longest time from saying a thing to seeing it in the room, ms. */
  readonly slowestEchoMs: number;
  readonly reconnects: number;
  /** Reconnects a second: the most in one, and the average from the first to the last. */
  readonly peakRate: number;
  readonly averageRate: number;
  /**
   * The longest time for which the measuring process itself stood still, ms: the machine had no processor for it, nor, most
   * likely, for what it measured.
   */
  readonly stallMs: number;
}

/** When an act was played, ms of `performance.now()`. */
export interface Window {
  readonly begin: number;
  readonly end: number;
}

export function measure(
  act: { readonly name: string; readonly planned: boolean },
  { begin, end }: Window,
  participants: readonly Participant[],
  stallMs: number,
): Measure {
  const within = (at: number): boolean => at >= begin && at < end;
  const interruptions = participants
    .flatMap(({ service }) => service.longest(begin, end, end) ?? [])
    .sort((a, b) => a - b);
  const echoes = participants.flatMap(({ echoes }) => echoes.filter(({ saidAt }) => within(saidAt)));
  const reconnects = participants
    .flatMap(({ reconnects }) => reconnects.filter(within))
    .sort((a, b) => a - b);
  return {
    act: act.name,
    planned: act.planned,
    lastedMs: end - begin,
    interrupted: interruptions.length,
    medianMs: interruptions[Math.floor(interruptions.length / 2)] ?? 0,
    longestMs: interruptions.at(-1) ?? 0,
    slowestEchoMs: Math.max(0, ...echoes.map(({ saidAt, shownAt }) => shownAt - saidAt)),
    reconnects: reconnects.length,
    ...ratesOf(reconnects),
    stallMs,
  };
}

/** Of sorted times, ms: by whole seconds from the first one on. */
export function ratesOf(times: readonly number[]): {
  readonly peakRate: number;
  readonly averageRate: number;
} {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return { peakRate: 0, averageRate: 0 };
  const seconds = new Map<number, number>();
  for (const at of times) {
    const second = Math.floor((at - first) / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  // A second that was begun counts as one, as it does for the peak.
  const begun = Math.floor((last - first) / 1_000) + 1;
  return { peakRate: Math.max(...seconds.values()), averageRate: times.length / begun };
}
