import { getHeapStatistics } from "node:v8";
import { describe, expect, it } from "vitest";
import { heapLimitMib, memoryLimit } from "../../../src/monitoring/memory-limit.ts";
import { planProcesses } from "../../../src/process/process-plan.ts";
import { backoffAfter } from "../../../src/process/workers.ts";

const REDIS = "redis://localhost";
const MIB = 1024 * 1024;

describe("the plan of processes", () => {
  it("is one process if the memory has no limit", () => {
    const plan = planProcesses({ redisUrl: REDIS, webConcurrency: 1 }, {});
    expect(plan).toEqual({ workers: 0, heapMib: undefined });
  });

  it("gives each worker half of its share of the memory as heap", () => {
    const env = { MEMORY_AVAILABLE: "1024" };
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 2 }, env)).toEqual({ workers: 2, heapMib: 256 });
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 4 }, env)).toEqual({ workers: 4, heapMib: 128 });
  });

  it("runs a single process as a worker where V8 would let its heap outgrow the memory", () => {
    const env = { MEMORY_AVAILABLE: "512" };
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 1 }, env)).toEqual({ workers: 1, heapMib: 256 });
    const enough = { MEMORY_AVAILABLE: String((4 * getHeapStatistics().heap_size_limit) / MIB) };
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 1 }, enough).workers).toBe(0);
  });

  it("keeps a limit that the operator set", () => {
    const env = { MEMORY_AVAILABLE: "512", NODE_OPTIONS: "--max-old-space-size=400" };
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 1 }, env)).toEqual({
      workers: 0,
      heapMib: undefined,
    });
    expect(planProcesses({ redisUrl: REDIS, webConcurrency: 2 }, env)).toEqual({
      workers: 2,
      heapMib: undefined,
    });
  });

  it("is one process without Redis, whatever was asked for", () => {
    expect(planProcesses({ redisUrl: undefined, webConcurrency: 4 }, {}).workers).toBe(0);
  });
});

describe("the memory of a dyno", () => {
  it.each([
    ["512", 512 * MIB],
    ["14336", 14336 * MIB],
  ])("is what MEMORY_AVAILABLE=%s says, in MiB", (MEMORY_AVAILABLE, bytes) => {
    expect(memoryLimit({ MEMORY_AVAILABLE })).toBe(bytes);
  });

  it.each(["", "a lot", "-1", "0", "1.5"])("is not what MEMORY_AVAILABLE=%s says", (MEMORY_AVAILABLE) => {
    expect(memoryLimit({ MEMORY_AVAILABLE })).toBe(memoryLimit({}));
  });

  it("never leaves a heap too small to start with", () => {
    expect(heapLimitMib(64 * MIB, 8)).toBe(64);
  });
});

describe("the pause before a worker is replaced", () => {
  it("doubles while workers die young, up to half a minute, and begins anew behind one that was well", () => {
    const pauses = [500];
    for (let crash = 0; crash < 8; crash += 1) pauses.push(backoffAfter(100, pauses.at(-1) ?? 0));
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoffAfter(60_000, 30_000)).toBe(500);
  });
});
