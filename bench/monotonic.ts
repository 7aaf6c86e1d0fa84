const [seconds, nanoseconds] = process.hrtime();
/** What to add to `performance.now()`, which begins with the process. */
const OFFSET_MS = seconds * 1_000 + nanoseconds / 1e6 - performance.now();

/** The system's monotonic clock, µs: the same in every process of this machine, whatever NTP does. */
export function monotonicMicros(): number {
  return Math.round((performance.now() + OFFSET_MS) * 1_000);
}
