import type { Load } from "../loads.ts";
import type { Result } from "../measurements.ts";
import { medianOf, runsOf } from "../statistics.ts";
import type { System } from "../systems.ts";

/** One column: what it says of a system, undefined where there is nothing to say. */
interface Column {
  readonly title: string;
  value(results: readonly Result[], system: string, load: string): number | string | undefined;
}

const STEADY: readonly Column[] = [
  steady("CPU µs per delivery", "cpuMicros"),
  {
    title: "of the tutorial's",
    value: (results, system, load) => {
      const own = medianOf(runsOf(results, "steady", system, load), "cpuMicros");
      const tutorial = medianOf(runsOf(results, "steady", "tutorial", load), "cpuMicros");
      return own === undefined || tutorial === undefined ? undefined : own / tutorial;
    },
  },
  steady("p50 ms", "p50"),
  steady("p99 ms", "p99"),
  steady("p99.9 ms", "p999"),
  {
    title: "missing / doubled / disordered",
    value: (results, system, load) => {
      const runs = runsOf(results, "steady", system, load);
      const all = (name: "missing" | "doubled" | "disordered") =>
        runs.reduce((sum, run) => sum + run[name], 0);
      return `${all("missing")} / ${all("doubled")} / ${all("disordered")}`;
    },
  },
];

const STALLED: readonly Column[] = [
  ...STEADY,
  steady("memory +MB", "grownMb"),
  {
    title: "stalled sockets closed (code: how many, each run)",
    value: (results, system, load) =>
      runsOf(results, "steady", system, load)
        .map(
          ({ endings }) =>
            Object.entries(endings)
              .map(([code, count]) => `${code}: ${count}`)
              .join(" ") || "none",
        )
        .join(", "),
  },
];

const CEILING: readonly Column[] = [
  ceiling("deliveries/s sustained", "deliveriesPerSecond"),
  {
    title: "times the tutorial's",
    value: (results, system, load) => {
      const own = medianOf(runsOf(results, "ceiling", system, load), "deliveriesPerSecond");
      const tutorial = medianOf(runsOf(results, "ceiling", "tutorial", load), "deliveriesPerSecond");
      return own === undefined || tutorial === undefined ? undefined : own / tutorial;
    },
  },
  ceiling("messages/s", "messagesPerSecond"),
  ceiling("p99 ms there", "p99"),
  ceiling("CPU µs per delivery there", "cpuMicros"),
  ceiling("breaks at messages/s", "brokeAt"),
];

const IDLE: readonly Column[] = [
  { title: "KB per socket", value: (...at) => medianOf(runsOf(at[0], "idle", at[1], at[2]), "kbPerSocket") },
  {
    title: "connects/s",
    value: (...at) => medianOf(runsOf(at[0], "idle", at[1], at[2]), "connectsPerSecond"),
  },
  {
    title: "CPU µs per connect",
    value: (...at) => medianOf(runsOf(at[0], "idle", at[1], at[2]), "cpuMicrosPerConnect"),
  },
  {
    title: "connects/s when as many come again",
    value: (...at) => medianOf(runsOf(at[0], "idle", at[1], at[2]), "connectsPerSecondAgain"),
  },
  {
    title: "CPU µs per connect then",
    value: (...at) => medianOf(runsOf(at[0], "idle", at[1], at[2]), "cpuMicrosPerConnectAgain"),
  },
];

const HERD: readonly Column[] = [
  { title: "all back after ms", value: (...at) => medianOf(runsOf(at[0], "herd", at[1], at[2]), "backMs") },
  {
    title: "CPU µs per return",
    value: (...at) => medianOf(runsOf(at[0], "herd", at[1], at[2]), "cpuMicrosPerConnect"),
  },
  {
    title: "missed messages got back, of 20",
    value: (...at) => medianOf(runsOf(at[0], "herd", at[1], at[2]), "recoveredEach"),
  },
  {
    title: "reads of the store",
    value: (...at) => medianOf(runsOf(at[0], "herd", at[1], at[2]), "logReads"),
  },
];

/** A section of Markdown for each load. */
export function tables(
  loads: readonly Load[],
  systems: readonly System[],
  results: readonly Result[],
): string {
  return loads
    .map((load) => `### ${load.name}: ${load.meaning}\n\n${table(load, systems, results)}`)
    .join("\n");
}

function table(load: Load, systems: readonly System[], results: readonly Result[]): string {
  const columns = columnsOf(load);
  const rows = systems.map(({ name }) => [
    name,
    ...columns.map((column) => cell(column.value(results, name, load.name))),
  ]);
  const lines = [["", ...columns.map(({ title }) => title)], ["---", ...columns.map(() => "---:")], ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

function columnsOf(load: Load): readonly Column[] {
  switch (load.kind) {
    case "steady":
      return load.stalled > 0 ? STALLED : STEADY;
    case "ceiling":
      return CEILING;
    case "idle":
      return IDLE;
    case "herd":
      return HERD;
  }
}

function steady(title: string, figure: "cpuMicros" | "p50" | "p99" | "p999" | "grownMb"): Column {
  return {
    title,
    value: (results, system, load) => medianOf(runsOf(results, "steady", system, load), figure),
  };
}

function ceiling(
  title: string,
  figure: "deliveriesPerSecond" | "messagesPerSecond" | "p99" | "cpuMicros" | "brokeAt",
): Column {
  return {
    title,
    value: (results, system, load) => medianOf(runsOf(results, "ceiling", system, load), figure),
  };
}

function cell(value: number | string | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));
}
