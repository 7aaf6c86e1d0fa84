import { describe, expect, it } from "vitest";
import { type Measure, ratesOf } from "../../rehearsal/measures.ts";
import { actsTable, withFigures } from "../../rehearsal/report.ts";
import { brokenLimits, SERVICE_LIMITS, unjudged } from "../../rehearsal/service-limits.ts";
import { ServiceRecord } from "../../rehearsal/service-record.ts";
import { countFaults } from "../../rehearsal/tally.ts";

const CALM: Measure = {
  act: "deploy",
  planned: true,
  lastedMs: 20_000,
  interrupted: 100,
  medianMs: 20,
  longestMs: 80,
  slowestEchoMs: 90,
  reconnects: 100,
  peakRate: 12,
  averageRate: 10,
  stallMs: 30,
};

describe("a client's record of service", () => {
  it("begins with its first service, and has each time without", () => {
    const record = new ServiceRecord();
    for (const [served, at] of [
      [false, 5],
      [true, 10],
      [true, 15],
      [false, 20],
      [false, 25],
      [true, 50],
      [false, 60],
    ] as const)
      record.note(served, at);
    expect(record.longest(0, 55, 100)).toBe(30);
    expect(record.longest(55, 100, 100)).toBe(40);
    expect(record.longest(0, 20, 100)).toBeUndefined();
  });
});

describe("reconnects per second", () => {
  it("are counted from the first on", () => {
    expect(ratesOf([])).toEqual({ peakRate: 0, averageRate: 0 });
    expect(ratesOf([900, 950, 1_800, 1_950, 3_850])).toEqual({ peakRate: 3, averageRate: 5 / 3 });
  });
});

describe("the limits of a planned restart", () => {
  it("hold where all is calm", () => {
    expect(brokenLimits([CALM])).toEqual([]);
  });

  it.each([
    ["one client was away for long", { longestMs: 5_001 }],
    ["half of the clients noticed it", { medianMs: 1_500 }],
    ["most came back in one second", { peakRate: 40 }],
  ])("are broken where %s", (_, change) => {
    expect(brokenLimits([{ ...CALM, ...change }])).toHaveLength(1);
  });

  it("cannot be judged where the machine stood still, which is said", () => {
    const stalled = { ...CALM, longestMs: 9_000, stallMs: 2_000 };
    expect(brokenLimits([stalled])).toEqual([]);
    expect(unjudged([CALM, stalled])).toEqual(["deploy: the machine stood still for 2000 ms"]);
  });

  it("say nothing of what was not planned, and call a few people no herd", () => {
    expect(brokenLimits([{ ...CALM, planned: false, longestMs: 60_000 }])).toEqual([]);
    const few = { peakRate: SERVICE_LIMITS.herd - 1, averageRate: 1 };
    expect(brokenLimits([{ ...CALM, ...few }])).toEqual([]);
  });
});

describe("the count of what went wrong", () => {
  const entry = (id: string, key: string, user = "ann") => ({
    id,
    key,
    user,
    prev: "",
    type: "message",
    text: key,
    frame: "",
  });
  const logs = new Map([["lobby", [entry("1-0", "a"), entry("2-0", "b"), entry("3-0", "c")]]]);
  const count = (ids: readonly string[], sent: readonly string[] = []) =>
    countFaults(logs, [
      {
        name: "Ann",
        user: "ann",
        acks: [],
        newest: new Map(),
        sends: sent.map((key) => ({
          room: "lobby",
          key,
          text: key,
          state: "shown",
          sent: true,
          abandoned: false,
        })),
        shown: new Map([["lobby", ids.map((id) => ({ id, text: "", gap: "none" as const }))]]),
      },
    ]);

  it("is 0 if every client has all messages after its first one", () => {
    expect(count(["1-0", "2-0", "3-0"], ["a"])).toEqual({ lost: 0, doubled: 0, reordered: 0 });
    expect(count(["2-0", "3-0"])).toEqual({ lost: 0, doubled: 0, reordered: 0 });
  });

  it("has each kind", () => {
    expect(count(["1-0", "3-0"])).toEqual({ lost: 1, doubled: 0, reordered: 0 });
    expect(count(["1-0", "2-0"])).toEqual({ lost: 1, doubled: 0, reordered: 0 });
    expect(count(["1-0", "2-0", "3-0"], ["never stored"])).toEqual({ lost: 1, doubled: 0, reordered: 0 });
    expect(count(["1-0", "2-0", "2-0", "3-0"])).toEqual({ lost: 0, doubled: 1, reordered: 0 });
    expect(count(["1-0", "3-0", "2-0"])).toEqual({ lost: 0, doubled: 0, reordered: 1 });
  });
});

describe("the report", () => {
  it("has one row per act", () => {
    expect(actsTable([CALM, { ...CALM, act: "SIGKILL", longestMs: 2_345 }]).split("\n")).toHaveLength(4);
    expect(actsTable([{ ...CALM, longestMs: 2_345 }])).toContain("2.3 s");
  });

  it("replaces the figures of a document and nothing else", () => {
    const document = "before\n<!-- figures of npm run rehearse -->\nold\n<!-- end of figures -->\nafter\n";
    const once = withFigures(document, "new");
    expect(once).toMatch(/^before\n[\s\S]*\nnew\n[\s\S]*\nafter\n$/);
    expect(once).not.toContain("old");
    expect(withFigures(once, "new")).toBe(once);
    expect(() => withFigures("no place", "new")).toThrow("no place");
  });
});
