/**
 * Upper ends of the buckets, seconds: around the 20 ms that an ack may take, up to the 2 s after which none
 * comes.
 */
export const ACK_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2] as const;

/** A histogram of durations; a measurement costs a few comparisons, and only the counts are kept. */
export class Latencies {
  /** Measurements per bucket of `ACK_BUCKETS`; the last count is of those that took longer. */
  readonly counts: number[] = [...ACK_BUCKETS, 0].map(() => 0);
  /** Sum of all measurements, seconds. */
  sum = 0;

  /** @param ms a duration, not negative. */
  observe(ms: number): void {
    const seconds = ms / 1000;
    let bucket = 0;
    for (const end of ACK_BUCKETS) {
      if (seconds <= end) break;
      bucket += 1;
    }
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += seconds;
  }
}
