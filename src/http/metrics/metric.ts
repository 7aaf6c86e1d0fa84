import type { CountName, ProcessStats } from "../../monitoring/process-stats.ts";

/** One number of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it is not the metric's own, as the buckets of a histogram. */
  readonly metricName?: string;
}

/** What Prometheus is told about one thing. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence; also the document's. */
  readonly help: string;
  /** Beside those that tell the process. */
  readonly labels: readonly string[];
  /** Reads it off one process. */
  samples(vitals: ProcessStats): readonly Sample[];
}

/** Something that one of the process's plain counters counts. */
export function counter(name: string, count: CountName, help: string): Metric {
  return {
    name,
    type: "counter",
    help,
    labels: [],
    samples: ({ counts }) => [{ value: counts[count] ?? 0, labels: {} }],
  };
}

/** Something that is counted by a code. */
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

/** Something that goes up and down; undefined = it is not known now. */
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
