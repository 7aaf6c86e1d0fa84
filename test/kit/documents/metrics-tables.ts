import { LIMIT_NAMES } from "../../../src/chat/limits/limit-names.ts";
import type { Metric } from "../../../src/http/metrics/metric.ts";

/** The table of docs/metrics.md, GitHub's Markdown. */
export function metricsTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => {
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`;
  });
  return ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** The table of limits in docs/metrics.md, GitHub's Markdown. */
export function limitsTable(): string {
  const rows = Object.entries(LIMIT_NAMES).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return ["| limit | what it bounds |", "| --- | --- |", ...rows, ""].join("\n");
}
