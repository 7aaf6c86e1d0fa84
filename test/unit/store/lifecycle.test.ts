import { describe, expect, it } from "vitest";
import { type LifecycleEvent, transition } from "../../../src/store/redis/node/lifecycle.ts";
import type { StoreState } from "../../../src/store/store.ts";

const STATES = ["connecting", "subscribing", "catching-up", "live", "down", "closed"] as const;
const EVENTS = ["reached", "subscribed", "caught-up", "lost", "retry", "close"] as const;

/** Every row: from, event, to. What is not here changes nothing. */
const ROWS: readonly (readonly [StoreState, LifecycleEvent, StoreState])[] = [
  ["connecting", "reached", "subscribing"],
  ["connecting", "lost", "down"],
  ["connecting", "close", "closed"],
  ["subscribing", "subscribed", "catching-up"],
  ["subscribing", "lost", "down"],
  ["subscribing", "close", "closed"],
  ["catching-up", "caught-up", "live"],
  ["catching-up", "lost", "down"],
  ["catching-up", "close", "closed"],
  ["live", "lost", "down"],
  ["live", "close", "closed"],
  ["down", "retry", "connecting"],
  ["down", "close", "closed"],
];

describe("the lifecycle of the Redis store", () => {
  it.each(ROWS)("goes from %s by %s to %s", (from, event, to) => {
    expect(transition(from, event)).toBe(to);
  });

  const rows = new Set(ROWS.map(([from, event]) => `${from} ${event}`));
  const others = STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)).filter(
    ([state, event]) => !rows.has(`${state} ${event}`),
  );

  it.each(others)("stays in %s when %s comes", (state, event) => {
    expect(transition(state, event)).toBeUndefined();
  });

  it("reaches live only over subscribing and catching up", () => {
    const waysTo = (to: StoreState) => ROWS.filter((row) => row[2] === to).map(([from]) => from);
    expect(waysTo("live")).toEqual(["catching-up"]);
    expect(waysTo("catching-up")).toEqual(["subscribing"]);
    expect(waysTo("subscribing")).toEqual(["connecting"]);
  });
});
