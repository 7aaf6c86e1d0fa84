import type { Outcome } from "./run-scenario.ts";
import { limitsOf, satisfies } from "./scenario.ts";

/** One build's outcome of a scenario. */
export interface Labelled {
  /** `before`, `now` … */
  readonly build: string;
  readonly outcome: Outcome;
}

/** What an outcome does not keep, a sentence each. */
export function brokenLimits({ scenario, figures }: Outcome): string[] {
  return limitsOf(scenario)
    .filter((limit) => !satisfies(figures, limit))
    .map(({ figure, atMost, atLeast }) => {
      const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
      return `${figure}: ${figures[figure] ?? "not measured"}, ${bound}`;
    });
}

/** Everything about one outcome, for the terminal. */
export function reportOf({ build, outcome }: Labelled): string {
  const { scenario, figures, notes } = outcome;
  const broken = brokenLimits(outcome);
  const lines = [
    `${broken.length === 0 ? "kept  " : "BROKEN"} ${scenario.name} (${build}): ${scenario.does}`,
    `  attacker: ${spent(outcome)}`,
    `  ${Object.entries(figures)
      .map(([name, value]) => `${name}: ${value}`)
      .join("; ")}`,
    ...notes.map((note) => `  ${note}`),
    ...broken.map((sentence) => `  BROKEN ${sentence}`),
  ];
  return `${lines.join("\n")}\n`;
}

const HEAD = [
  "attack",
  "build",
  "attacker: sent, sockets, CPU",
  "acks p50, p95, p99",
  "lost",
  "memory: peak, after",
  "recovery",
  "and",
  "kept",
];

/** The table for docs/security.md, GitHub's Markdown, as the formatter writes it. */
export function markdownOf(outcomes: readonly Labelled[]): string {
  const rows = outcomes.map(({ build, outcome }) => {
    const { scenario, figures, memory } = outcome;
    const own = scenario.limits
      .map(({ figure }) => figure)
      .filter((figure) => !IN_OTHER_COLUMNS.has(figure))
      .map((figure) => `${figure}: ${figures[figure] ?? "?"}`);
    const told = ALSO_TOLD.filter((figure) => (figures[figure] ?? 0) > 0).map(
      (figure) => `${figure}: ${figures[figure]}`,
    );
    const missing =
      (figures["history kept %"] ?? 100) < 100 ? [`history kept: ${figures["history kept %"]} %`] : [];
    return [
      scenario.name,
      build,
      spent(outcome),
      `${figures["acks p50 ms"]}, ${figures["acks p95 ms"]}, ${figures["acks p99 ms"]} ms`,
      String((figures["lost"] ?? 0) + (figures["doubled"] ?? 0) + (figures["disordered"] ?? 0)),
      `${memory.peakMb}, ${memory.nowMb} MB`,
      recovery(figures["recovery s"]),
      [...own, ...told, ...missing].join("; "),
      brokenLimits(outcome).length === 0 ? "yes" : "no",
    ];
  });
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(HEAD), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

const IN_OTHER_COLUMNS = new Set(["memory peak MB", "acks p95 ms", "acks p99 ms", "recovery s", "lost"]);

const ALSO_TOLD = [
  "told missing",
  "unsent",
  "honest requests refused",
  "honest connections ended",
  "new clients refused",
  "live:false told",
  "not ready s",
  "processes that ended",
];

function spent({ cost: { bytes, sockets, cpuMs } }: Outcome): string {
  return `${size(bytes)}, ${sockets}, ${(cpuMs / 1_000).toFixed(1)} s`;
}

function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function recovery(seconds: number | undefined): string {
  if (seconds === undefined) return "?";
  return Number.isFinite(seconds) ? `${seconds} s` : "none";
}
