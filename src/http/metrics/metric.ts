import type { CountName, ProcessStats } from "../../monitoring/process-stats.ts";

/** One value of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The name, if it is not the metric's own, such as that of a histogram's buckets. */
  readonly metricName?: string;
}

/** A metric for Prometheus. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence; docs/metrics.md has the same. */
  readonly help: string;
  /** Names of its labels, in addition to those of the process. */
  readonly labels: readonly string[];
  /** Returns its values for one process. */
  samples(vitals: ProcessStats): readonly Sample[];
}

/** Returns the metric of one of the process's plain counters. */
export function counter(name: string, count: CountName, help: string): Metric {
  return {
    name,
    type: "counter",
    help,
    labels: [],
    samples: ({ counts }) => [{ value: counts[count] ?? 0, labels: {} }],
  };
}

/** Returns the metric of a counter with a label, such as a code. */
export function counterBy(
  label: string,
  name: string,
  help: string,
  read: (vitals: ProcessStats) => Readonly<Record<string, number>>,
): Metric {
  return {
    name,
    type: "counter",
    help,
    labels: [label],
    samples: (vitals) =>
      Object.entries(read(vitals)).map(([code, value]) => ({ value, labels: { [label]: code } })),
  };
}

/** Returns the metric of a value that goes up and down; the value is undefined while it is not known. */
export function gauge(
  name: string,
  help: string,
  read: (vitals: ProcessStats) => number | undefined,
): Metric {
  return {
    name,
    type: "gauge",
    help,
    labels: [],
    samples(vitals) {
      const value = read(vitals);
      return value === undefined ? [] : [{ value, labels: {} }];
    },
  };
}
