import type { Measure } from "./measures.ts";

/** What a client may see of a planned restart. */
export const SERVICE_LIMITS = {
  /** The longest time without service, ms. */
  longestMs: 5_000,
  /** The median of those who were without, ms. */
  medianMs: 1_500,
  /** The most reconnects in one second, by the average of the seconds in which there were any. */
  peakByAverage: 2,
  /** Fewer reconnects than this a second are no herd, whatever their average, and no measure of one. */
  herd: 30,
  /** Where the machine stood still for that long, ms, times say nothing about the program. */
  stallMs: 500,
} as const;

/** Planned acts whose times cannot be judged, a sentence each. */
export function unjudged(measures: readonly Measure[]): string[] {
  return measures
    .filter(({ planned, stallMs }) => planned && stallMs >= SERVICE_LIMITS.stallMs)
    .map(({ act, stallMs }) => `${act}: the machine stood still for ${Math.round(stallMs)} ms`);
}

/** What broke the limits, a sentence each; empty = nothing, in the acts that can be judged. */
export function brokenLimits(measures: readonly Measure[]): string[] {
  const { longestMs, medianMs, peakByAverage, herd } = SERVICE_LIMITS;
  return measures
    .filter(({ planned, stallMs }) => planned && stallMs < SERVICE_LIMITS.stallMs)
    .flatMap((measure) => {
      const { act } = measure;
      const broken: string[] = [];
      if (measure.longestMs > longestMs)
        broken.push(`${act}: a client was without service for ${Math.round(measure.longestMs)} ms`);
      if (measure.medianMs >= medianMs)
        broken.push(`${act}: the median client was without service for ${Math.round(measure.medianMs)} ms`);
      if (measure.peakRate >= herd && measure.peakRate >= peakByAverage * measure.averageRate) {
        const average = measure.averageRate.toFixed(1);
        broken.push(`${act}: ${measure.peakRate} reconnects in one second, where ${average} is the average`);
      }
      return broken;
    });
}
