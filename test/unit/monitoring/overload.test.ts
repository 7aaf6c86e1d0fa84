import { describe, expect, it } from "vitest";
import { Overload, type OverloadLimits } from "../../../src/monitoring/overload.ts";

const WELL = {
  loopDelayMs: 0,
  loopDelayP99Ms: 0,
  loopUtilization: 1,
  heapUsed: 10,
  heapLimit: 100,
  resident: 20,
  inUse: 20,
};
const LIMITS = { maxLoopDelayMs: 300, memory: 100 };

/** Something that looks at one load a second, and how often it collected garbage. */
function watched(limits: OverloadLimits = LIMITS) {
  let collected = 0;
  const overload = new Overload(limits, () => {
    collected += 1;
  });
  const look = (
    part: Partial<typeof WELL> & { readonly lastingDelayMs?: number; readonly hasNoDescriptor?: boolean },
    seconds = 1,
  ) => {
    const { lastingDelayMs = 0, hasNoDescriptor = false, ...reading } = part;
    for (let second = 0; second < seconds; second += 1) {
      overload.look({ reading: { ...WELL, ...reading }, lastingDelayMs, hasNoDescriptor });
    }
    return overload.reason;
  };
  return { look, collected: () => collected };
}

describe("overload", () => {
  it.each([
    ["a busy loop that is in time", {}, undefined],
    ["one late second", { loopDelayMs: 5_000 }, undefined],
    ["a loop that stays late", { lastingDelayMs: 301 }, /event loop is 301 ms late/],
    ["a heap that is nearly full", { heapUsed: 91 }, /heap/],
    ["no file descriptor", { hasNoDescriptor: true }, /no file descriptor/],
    ["memory that is nearly used up", { resident: 96, inUse: 80 }, /memory/],
    ["memory that was freed and that the allocator keeps", { resident: 99, inUse: 60 }, undefined],
  ])("is told from %s", (_case, load, reason) => {
    const told = watched().look(load, 3);
    if (reason === undefined) expect(told).toBeUndefined();
    else expect(told).toMatch(reason);
  });

  it("is never that of the loop with a limit of 0, nor of unlimited memory", () => {
    const { look } = watched({ maxLoopDelayMs: 0, memory: undefined });
    expect(look({ lastingDelayMs: 60_000, resident: 1e12, inUse: 1e12 }, 3)).toBeUndefined();
  });

  it.each([
    ["the heap", { heapUsed: 91 }],
    ["the memory", { resident: 96, inUse: 80 }],
  ])("is not told from %s before garbage was collected and it is still short", (_case, short) => {
    const { look, collected } = watched();
    expect(look(short)).toBeUndefined();
    expect(collected()).toBe(1);
    expect(look({})).toBeUndefined();
    expect(look(short, 2)).toBeDefined();
    expect(collected()).toBe(2);
  });

  it("collects garbage every 5 s while memory is short, so that it ends when its cause does", () => {
    const { look, collected } = watched();
    look({ heapUsed: 95 }, 60);
    expect(collected()).toBe(12);
  });

  it.each([
    ["the loop", { lastingDelayMs: 301 }, { lastingDelayMs: 160 }, { lastingDelayMs: 149 }],
    ["the heap", { heapUsed: 91 }, { heapUsed: 81 }, { heapUsed: 79 }],
    [
      "the memory in use",
      { resident: 96, inUse: 80 },
      { resident: 96, inUse: 66 },
      { resident: 96, inUse: 64 },
    ],
    [
      "what is resident",
      { resident: 96, inUse: 80 },
      { resident: 91, inUse: 80 },
      { resident: 89, inUse: 80 },
    ],
  ])("does not flap at the limit of %s: it ends well below", (_case, over, between, below) => {
    const { look } = watched();
    expect(look(between, 3)).toBeUndefined();
    expect(look(over, 2)).toBeDefined();
    expect(look(between, 3)).toBeDefined();
    expect(look(below)).toBeUndefined();
    expect(look(between, 3)).toBeUndefined();
  });

  it("of the loop does not lower the limits of memory", () => {
    const { look } = watched();
    look({ lastingDelayMs: 301 }, 2);
    expect(look({ heapUsed: 85, resident: 92, inUse: 70 }, 3)).toBeUndefined();
  });
});
