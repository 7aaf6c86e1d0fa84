import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Load } from "../loads.ts";
import type { Result } from "../measurements.ts";
import type { System } from "../systems.ts";
import { ceilingChart, costChart } from "./charts.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { tables } from "./table.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BEGIN = "<!-- figures: written by npm run bench -->";
const END = "<!-- end of figures -->";

export interface Report {
  readonly loads: readonly Load[];
  readonly systems: readonly System[];
  readonly results: readonly Result[];
}

/** The tables of a report, and what they were measured on. */
export function inMarkdown({ loads, systems, results }: Report, machine: Machine): string {
  const { cores, cpu, memoryGb, kernel, node, redis } = machine;
  const where = `${cores} cores (${cpu}), ${memoryGb} GB, Linux ${kernel}, Node ${node}, Redis ${redis}; two processes a system; generator and Redis on the same machine. Medians of the runs.`;
  return `Measured on ${where}\n\n${tables(loads, systems, results)}`;
}

/**
 * Writes what was measured: `folder`/results.json, tables.md, and two charts where their loads were measured.
 * A complete report also goes into docs/performance.md, between its two marks.
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
  writeFileSync(`${folder}/tables.md`, markdown);
  const charts = {
    "cost.svg": costChart(report.systems, report.results),
    "ceiling.svg": ceilingChart(report.systems, report.results),
  };
  for (const [name, chart] of Object.entries(charts)) {
    if (chart !== undefined) writeFileSync(`${folder}/${name}`, chart);
  }
  if (complete) intoDocument(`${ROOT}docs/performance.md`, markdown);
}

function intoDocument(path: string, markdown: string): void {
  const document = readFileSync(path, "utf8");
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no place for the figures: ${BEGIN} … ${END}`);
  writeFileSync(path, `${document.slice(0, begin + BEGIN.length)}\n\n${markdown}\n${document.slice(end)}`);
}

/** Systems' environments are no part of what was measured. */
function secretless(key: string, value: unknown): unknown {
  return key === "env" ? undefined : value;
}
