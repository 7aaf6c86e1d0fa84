import { mkdirSync, writeFileSync } from "node:fs";
import type { Load } from "../loads.ts";
import type { Result } from "../measurements.ts";
import type { System } from "../systems.ts";
import { ceilingChart, costChart } from "./charts.ts";
import { intoDocument } from "./document.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { tables } from "./table.ts";

export interface Report {
  readonly loads: readonly Load[];
  readonly systems: readonly System[];
  readonly results: readonly Result[];
}

/** The tables of a report, and what they were measured on. */
export function inMarkdown({ loads, systems, results }: Report, machine: Machine): string {
  const { cores, cpu, memoryGb, kernel, node, redis } = machine;
  const where = `${cores} cores (${cpu}), ${memoryGb} GB, Linux ${kernel}, Node ${node}, Redis ${redis}; two processes per system; generator and Redis on the same machine. Medians of the runs.`;
  return `Measured on ${where}\n\n${tables(loads, systems, results)}`;
}

/**
 * Writes what was measured: `folder`/results.json, and two charts where their loads were measured. The tables of a complete
 * report go into docs/performance.md, others into `folder`/tables.md.
 */
export function writeReport(report: Report, folder: string, complete: boolean): void {
  const machine = thisMachine();
  const markdown = inMarkdown(report, machine);
  mkdirSync(folder, { recursive: true });
  const measured = new Date().toISOString();
  writeFileSync(
    `${folder}/results.json`,
    `${JSON.stringify({ measured, machine, ...report }, secretless, 2)}\n`,
  );
  const charts = {
    "cost.svg": costChart(report.systems, report.results),
    "ceiling.svg": ceilingChart(report.systems, report.results),
  };
  for (const [name, chart] of Object.entries(charts)) {
    if (chart !== undefined) writeFileSync(`${folder}/${name}`, chart);
  }
  if (complete) intoDocument("figures", markdown);
  else writeFileSync(`${folder}/tables.md`, markdown);
}

/** Systems' environments are no part of what was measured. */
function secretless(key: string, value: unknown): unknown {
  return key === "env" ? undefined : value;
}
