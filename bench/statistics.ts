import type { Measurement, Result } from "./measurements.ts";

/** The middle value; the mean of the middle two of an even number. 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The numbers that measurements of some kind have. */
type Figure<M extends Measurement> = {
  [K in keyof M]: M[K] extends number ? K : never;
}[keyof M];

/** The runs of one system under one load. */
export function runsOf<K extends Measurement["kind"]>(
  results: readonly Result[],
  kind: K,
  system: string,
  load: string,
): readonly Extract<Measurement, { kind: K }>[] {
  return results
    .filter((result) => result.system === system && result.load === load)
    .map(({ measurement }) => measurement)
    .filter((measurement): measurement is Extract<Measurement, { kind: K }> => measurement.kind === kind);
}

/** The median of one figure over some runs; undefined if there are none. */
export function medianOf<M extends Measurement>(runs: readonly M[], figure: Figure<M>): number | undefined {
  return runs.length === 0 ? undefined : median(runs.map((run) => Number(run[figure])));
}
