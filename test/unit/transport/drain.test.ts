import { describe, expect, it } from "vitest";
import { drainSchedule, usableMs } from "../../../src/transport/drain.ts";
import { type DrainEvent, type DrainState, nextDrainState } from "../../../src/transport/drain-state.ts";

describe("a drain", () => {
  it.each<[DrainState, DrainEvent, DrainState]>([
    ["open", "begun", "moving"],
    ["open", "empty", "open"],
    ["open", "time-up", "open"],
    ["moving", "begun", "moving"],
    ["moving", "empty", "drained"],
    ["moving", "time-up", "cutting"],
    ["cutting", "begun", "cutting"],
    ["cutting", "empty", "drained"],
    ["cutting", "time-up", "cutting"],
    ["drained", "begun", "drained"],
    ["drained", "empty", "drained"],
    ["drained", "time-up", "drained"],
  ])("that is %s turns at %s to %s", (state, event, next) => {
    expect(nextDrainState(state, event)).toBe(next);
  });

  it.each([
    ["three people move after the router has heard of it, and within a moment", 3, 20_000, 2_050, 2_150],
    ["a hundred move 20 per second", 100, 20_000, 2_050, 7_000],
    ["ten thousand faster, so that the last one's farewell still fits", 10_000, 20_000, 2_001, 14_000],
    ["in a short time half of it is kept for farewells", 10_000, 4_000, 500, 2_000],
    ["without any time everybody moves at once", 10_000, 0, 0, 0],
  ])("%s", (_case, count, limitMs, first, last) => {
    const times = drainSchedule(count, usableMs(limitMs));
    expect([times.length, times[0], times.at(-1)]).toEqual([count, first, last]);
  });

  it("brings as many in any second as in any other", () => {
    const times = drainSchedule(240, 14_000);
    const seconds = Array.from({ length: 12 }, (_, n) => 2_000 + n * 1_000);
    for (const second of seconds)
      expect(times.filter((ms) => ms > second && ms <= second + 1_000)).toHaveLength(20);
  });

  it("of nobody has no times", () => {
    expect(drainSchedule(0, 14_000)).toEqual([]);
  });
});
