import { measureCeiling } from "./ceiling.ts";
import { measureHerd, measureIdle } from "./crowding.ts";
import type { Load } from "./loads.ts";
import type { Measurement, Result } from "./measurements.ts";
import { RunningSystem } from "./running-system.ts";
import { measureSteady } from "./steady.ts";
import type { System } from "./systems.ts";

/** Told before each run and after it. */
export interface RunListener {
  begins(run: Run, done: number, all: number): void;
  ended(result: Result): void;
  failed(run: Run, error: unknown): void;
}

export interface Run {
  readonly system: System;
  readonly load: Load;
  readonly repetition: number;
}

/**
 * All runs, one after the other. Repetitions are interleaved: whatever else the machine does for a while then
 * falls on all systems alike.
 */
export async function runAll(
  loads: readonly Load[],
  systems: readonly System[],
  listener: RunListener,
): Promise<readonly Result[]> {
  const runs = loads.flatMap((load) =>
    Array.from({ length: load.repetitions }, (_, repetition) =>
      systems.map((system): Run => ({ system, load, repetition })),
    ).flat(),
  );
  const results: Result[] = [];
  for (const [done, run] of runs.entries()) {
    listener.begins(run, done, runs.length);
    try {
      const measurement = await measure(run);
      const result = {
        system: run.system.name,
        load: run.load.name,
        repetition: run.repetition,
        measurement,
      };
      results.push(result);
      listener.ended(result);
    } catch (error) {
      listener.failed(run, error);
    }
  }
  return results;
}

async function measure({ system, load }: Run): Promise<Measurement> {
  if (load.kind === "ceiling") return measureCeiling(system, load);
  const running = await RunningSystem.start(system);
  try {
    switch (load.kind) {
      case "steady":
        return await measureSteady(running, load);
      case "idle":
        return await measureIdle(running, load);
      case "herd":
        return await measureHerd(running, load);
    }
  } finally {
    await running.stop();
  }
}
