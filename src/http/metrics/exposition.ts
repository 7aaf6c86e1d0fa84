import { AggregatorRegistry } from "prom-client";
import type { ProcessStats } from "../../monitoring/process-stats.ts";
import type { Metric } from "./metric.ts";
import { METRICS } from "./table.ts";

/** The content type of what `exposition` gives. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics of all these processes as Prometheus reads them. */
export function exposition(fleet: readonly ProcessStats[]): Promise<string> {
  return AggregatorRegistry.aggregate([METRICS.map((metric) => gathered(metric, fleet))]).metrics();
}

function gathered(metric: Metric, fleet: readonly ProcessStats[]): object {
  const values = fleet.flatMap((vitals) => {
    const { instance, dyno = "" } = vitals.identity;
    return metric.samples(vitals).map(({ value, labels, metricName }) => ({
      value,
      labels: { process: instance, dyno, ...labels },
      ...(metricName === undefined ? {} : { metricName }),
    }));
  });
  const { name, help, type } = metric;
  // The labels differ from process to process, so nothing is summed up here.
  return { name, help, type, values, aggregator: "sum" };
}
