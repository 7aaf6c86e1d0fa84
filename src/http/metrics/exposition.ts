import type { ProcessStats } from "../../monitoring/process-stats.ts";
import type { Metric, Sample } from "./metric.ts";
import { METRICS } from "./table.ts";

/** The content type of what `exposition` returns. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Returns all metrics of these processes in the text format of Prometheus, version 0.0.4. */
export function exposition(fleet: readonly ProcessStats[]): string {
  return METRICS.map((metric) => `${linesOf(metric, fleet).join("\n")}\n`).join("\n");
}

function linesOf(metric: Metric, fleet: readonly ProcessStats[]): string[] {
  const { name, help, type } = metric;
  const values = fleet.flatMap((vitals) => {
    const { instance, dyno = "" } = vitals.identity;
    const own = labelsOf({ process: instance, dyno });
    return metric.samples(vitals).map((sample) => lineOf(name, own, sample));
  });
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...values];
}

function lineOf(name: string, own: readonly string[], { metricName = name, labels, value }: Sample): string {
  return `${metricName}{${[...own, ...labelsOf(labels)].join(",")}} ${value}`;
}

function labelsOf(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
