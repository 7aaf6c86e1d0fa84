import { CEILING_P99_MS, type CeilingLoad } from "./loads.ts";
import type { Ceiling, Steady } from "./measurements.ts";
import { RunningSystem } from "./running-system.ts";
import { measureSteady } from "./steady.ts";
import type { System } from "./systems.ts";

/** Highest rate; above it the generator itself would be the limit. */
const HIGHEST_RATE = 20_000;

/**
 * Doubles the rate until a delivery is missing or late, then searches between the last two rates. Each step
 * has servers, Redis and clients of its own, so that no step affects the next.
 */
export async function measureCeiling(system: System, load: CeilingLoad): Promise<Ceiling> {
  let good: { rate: number; steady: Steady } | undefined;
  let bad: { rate: number; steady: Steady } | undefined;
  let rate = load.firstRate;
  let refinements = load.refinements;
  while (rate >= 1 && rate <= HIGHEST_RATE) {
    const steady = await step(system, load, Math.round(rate));
    if (isSustained(steady)) good = { rate, steady };
    else bad = { rate, steady };
    if (bad === undefined) rate *= 2;
    else if (good === undefined) rate /= 2;
    else if (refinements > 0) {
      refinements -= 1;
      rate = Math.sqrt(good.rate * bad.rate);
    } else break;
  }
  if (good === undefined) throw new Error(`${system.name} sustained no rate`);
  return {
    kind: "ceiling",
    messagesPerSecond: Math.round(good.rate),
    deliveriesPerSecond: good.steady.deliveriesPerSecond,
    cpuMicros: good.steady.cpuMicros,
    p99: good.steady.p99,
    brokeAt: Math.round(bad?.rate ?? 0),
    brokeBy: bad !== undefined && bad.steady.missing > 0 ? "missing" : "late",
  };
}

async function step(system: System, load: CeilingLoad, rate: number): Promise<Steady> {
  const running = await RunningSystem.start(system);
  try {
    return await measureSteady(running, { ...load.step, rate });
  } finally {
    await running.stop();
  }
}

function isSustained({ missing, doubled, disordered, p99 }: Steady): boolean {
  return missing === 0 && doubled === 0 && disordered === 0 && p99 <= CEILING_P99_MS;
}
