import type { Result } from "../measurements.ts";
import { medianOf, runsOf } from "../statistics.ts";
import type { System } from "../systems.ts";
import { type Bar, svgChart } from "./chart.ts";

const COST_LOADS = ["wide", "busy", "hot"];

/** CPU per delivery under the steady loads. Undefined: none of them was measured. */
export function costChart(systems: readonly System[], results: readonly Result[]): string | undefined {
  const groups = COST_LOADS.map((load) => ({
    title: load,
    bars: bars(systems, (system) => medianOf(runsOf(results, "steady", system, load), "cpuMicros")),
  })).filter((group) => group.bars.length > 0);
  if (groups.length === 0) return undefined;
  return svgChart({
    title: "CPU of the servers per delivery, µs (less is better)",
    description: "One group per load, one bar per system; the table beside this chart has the figures.",
    logarithmic: false,
    groups,
    show: (value) => value.toPrecision(3),
  });
}

/** Deliveries a second that were sustained. Undefined: not measured. */
export function ceilingChart(systems: readonly System[], results: readonly Result[]): string | undefined {
  const group = {
    title: "1,000 sockets in one room, nothing missing, p99 up to 250 ms",
    bars: bars(systems, (system) =>
      medianOf(runsOf(results, "ceiling", system, "ceiling"), "deliveriesPerSecond"),
    ),
  };
  if (group.bars.length === 0) return undefined;
  return svgChart({
    title: "Deliveries per second sustained (more is better; logarithmic)",
    description: "One bar per system; the table beside this chart has the figures.",
    logarithmic: true,
    groups: [group],
    show: (value) => Math.round(value).toLocaleString("en"),
  });
}

function bars(systems: readonly System[], value: (system: string) => number | undefined): readonly Bar[] {
  return systems.flatMap(({ name }) => {
    const found = value(name);
    return found === undefined ? [] : [{ label: name, value: found, ours: name.startsWith("dynochat") }];
  });
}
