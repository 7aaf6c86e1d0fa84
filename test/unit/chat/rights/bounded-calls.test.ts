import { beforeEach, describe, expect, it, vi } from "vitest";
import { BoundedCalls } from "../../../../src/chat/rights/bounded-calls.ts";
import { settle } from "../../../kit/fakes/fake-client.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return () => vi.useRealTimers();
});

/** An app whose calls end when the test says so. */
function slowApp() {
  const answers: ((value: string) => void)[] = [];
  return { answers, call: () => new Promise<string>((resolve) => answers.push(resolve)) };
}

describe("calls of the embedding app", () => {
  it("end as the app's function does", async () => {
    const calls = new BoundedCalls({ waitMs: 1_000 });
    const error = new Error("the app's own");
    expect(await calls.run("", () => 1)).toEqual({ kind: "answered", value: 1 });
    expect(await calls.run("", async () => 2)).toEqual({ kind: "answered", value: 2 });
    expect(await calls.run("", () => Promise.reject(error))).toEqual({ kind: "failed", error });
    const thrown = calls.run("", () => {
      throw error;
    });
    expect(await thrown).toEqual({ kind: "failed", error });
  });

  it("are 32 at once at most, in the order in which they came", async () => {
    const calls = new BoundedCalls({ waitMs: 1_000 });
    const { answers, call } = slowApp();
    const order: number[] = [];
    for (let i = 0; i < 35; i += 1)
      void calls.run("", () => {
        order.push(i);
        return call();
      });
    expect(order).toHaveLength(32);
    answers[5]?.("done");
    await settle();
    expect(order).toHaveLength(33);
    answers[6]?.("done");
    answers[7]?.("done");
    await settle();
    expect(order.slice(32)).toEqual([32, 33, 34]);
  });

  it("are made in turns for those that they are for, so that nobody waits for all of another's", async () => {
    const calls = new BoundedCalls({ waitMs: 1_000 });
    const { answers, call } = slowApp();
    const order: string[] = [];
    const run = (whose: string) =>
      void calls.run(whose, () => {
        order.push(whose);
        return call();
      });
    for (let i = 0; i < 132; i += 1) run("flood");
    run("ann");
    run("ben");
    for (let i = 0; i < 4; i += 1) {
      answers[i]?.("done");
      await settle();
    }
    expect(order.slice(32)).toEqual(["flood", "ann", "ben", "flood"]);
  });

  it("are late after 2 s, for which they did not wait, and count until they end or for 120 s", async () => {
    const calls = new BoundedCalls({ waitMs: 200_000 });
    const { answers, call } = slowApp();
    const first = Array.from({ length: 32 }, () => calls.run("", call));
    const waiting = calls.run("", call);
    await vi.advanceTimersByTimeAsync(2_000);
    for (const each of await Promise.all(first)) expect(each).toEqual({ kind: "late" });
    expect(answers).toHaveLength(32);
    await vi.advanceTimersByTimeAsync(117_999);
    expect(answers).toHaveLength(32);
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toHaveLength(33);
    await vi.advanceTimersByTimeAsync(1_999);
    answers[32]?.("in time");
    expect(await waiting).toEqual({ kind: "answered", value: "in time" });
    // A call that ends after it stopped counting frees no second place.
    for (const answer of answers) answer("late");
    await settle();
    for (let i = 0; i < 40; i += 1) void calls.run("", call);
    expect(answers).toHaveLength(33 + 32);
  });

  it("are not made when too many wait, or when they waited too long", async () => {
    const calls = new BoundedCalls({ waitMs: 1_000, mostWaiting: 3 });
    const { answers, call } = slowApp();
    for (let i = 0; i < 32; i += 1) void calls.run("", call);
    const waiting = Array.from({ length: 4 }, () => calls.run("", call));
    expect(await waiting[3]).toEqual({ kind: "crowded" });
    await vi.advanceTimersByTimeAsync(1_000);
    for (const each of await Promise.all(waiting)) expect(each).toEqual({ kind: "crowded" });
    answers[0]?.("done");
    await settle();
    expect(answers).toHaveLength(32);
    void calls.run("", call);
    expect(answers).toHaveLength(33);
  });
});
