import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Checker } from "../checker/checker.ts";
import { FAULT_KINDS } from "../checker/faults.ts";
import { EVERYTHING } from "../checker/mixtures.ts";
import { planOf } from "../checker/plan.ts";

/** Few, for a test of a minute; `npm run torture` runs as many as one likes. */
const SEEDS = [1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008];

describe("whatever dies while people talk", () => {
  let checker: Checker;

  beforeAll(async () => {
    checker = await Checker.start({ processes: 3, ...EVERYTHING });
  });

  afterAll(() => checker.stop());

  it.each(SEEDS)("nothing is lost, doubled or reordered [seed %i]", async (seed) => {
    const { findings, tally } = await checker.run(seed);
    expect(findings.list).toEqual([]);
    expect(tally.messages).toBeGreaterThan(50);
  });

  it("and these seeds have every kind of fault between them", () => {
    const steps = SEEDS.flatMap((seed) => planOf(seed, { processes: 3, ...EVERYTHING }).steps);
    const planned = new Set(steps.flatMap((step) => (step.name === "fault" ? step.fault.kind : [])));
    expect([...planned].sort()).toEqual([...FAULT_KINDS].sort());
  });
});

describe("a seed", () => {
  it("is the same plan every time, and another seed is another", () => {
    const plan = () => planOf(7, { processes: 3, ...EVERYTHING });
    expect(plan()).toEqual(plan());
    expect(planOf(8, { processes: 3, ...EVERYTHING }).steps).not.toEqual(plan().steps);
  });
});
