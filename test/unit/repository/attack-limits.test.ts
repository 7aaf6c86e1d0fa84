import { expect, it } from "vitest";
import { COMMON_LIMITS, limitsOf, type Scenario, satisfies } from "../../attack/scenario.ts";
import { SCENARIOS } from "../../attack/scenarios.ts";

it("a figure that was not measured keeps no limit", () => {
  expect(satisfies({}, { figure: "lost", atMost: 0 })).toBe(false);
  expect(satisfies({ lost: Number.NaN }, { figure: "lost", atMost: 0 })).toBe(false);
});

it("a limit holds up to its bound, and not beyond", () => {
  expect(satisfies({ lost: 0 }, { figure: "lost", atMost: 0 })).toBe(true);
  expect(satisfies({ lost: 1 }, { figure: "lost", atMost: 0 })).toBe(false);
  expect(satisfies({ kept: 100 }, { figure: "kept", atLeast: 100 })).toBe(true);
  expect(satisfies({ kept: 99.9 }, { figure: "kept", atLeast: 100 })).toBe(false);
});

it("a scenario's own limit takes the place of the common one of the same figure", () => {
  const scenario: Scenario = {
    name: "quiet",
    does: "does nothing",
    attack: async () => ({}),
    limits: [{ figure: "acks p95 ms", atMost: 1 }],
  };
  const limits = limitsOf(scenario);
  expect(limits).toHaveLength(COMMON_LIMITS.length);
  expect(limits.filter(({ figure }) => figure === "acks p95 ms")).toEqual(scenario.limits);
});

it("every scenario has a name of its own", () => {
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});
