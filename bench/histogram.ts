/** Steps within each power of two: a value is known to 3 %. */
const STEPS = 32;
const STEP_BITS = 5;
/** 2^31 µs, 36 minutes, is the largest value that is told from larger ones. */
const BUCKETS = STEPS * (32 - STEP_BITS);

/** Counts latencies, µs, in buckets that grow with the value; merges and travels between processes as plain numbers. */
export class Histogram {
  readonly #counts: number[];
  #total = 0;

  constructor(counts: readonly number[] = []) {
    this.#counts = Array.from({ length: BUCKETS }, (_, index) => counts[index] ?? 0);
    for (const count of this.#counts) this.#total += count;
  }

  get counts(): readonly number[] {
    return this.#counts;
  }

  get total(): number {
    return this.#total;
  }

  add(micros: number): void {
    const bucket = bucketOf(micros);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  merge(other: readonly number[]): void {
    for (const [bucket, count] of other.entries()) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
    }
  }

  /** The value, ms, that `share` (0 to 1) of all are at most; 0 if there is none. */
  percentile(share: number): number {
    let left = Math.ceil(this.#total * share);
    if (left === 0) return 0;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return upperEnd(bucket) / 1_000;
    }
    return upperEnd(BUCKETS - 1) / 1_000;
  }
}

function bucketOf(micros: number): number {
  const value = Math.min(0x7fff_ffff, Math.max(0, Math.floor(micros)));
  if (value < STEPS) return value;
  const shift = 31 - Math.clz32(value) - STEP_BITS;
  return STEPS * shift + (value >> shift);
}

function upperEnd(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (bucket - STEPS * shift + 1) * 2 ** shift;
}
