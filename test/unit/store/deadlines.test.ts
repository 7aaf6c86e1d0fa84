import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreUnavailable } from "../../../src/store/store.ts";
import { Deadlines } from "../../../src/store/with-timeout.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Work that never ends, and how the waiting for it ended. */
function endless(deadlines: Deadlines, ms: number): { outcome: unknown } {
  const waiting: { outcome: unknown } = { outcome: undefined };
  deadlines.within(ms, new Promise(() => undefined)).catch((error: unknown) => {
    waiting.outcome = error;
  });
  return waiting;
}

describe("deadlines that share a timer", () => {
  it("let each be rejected when its own time is over, in whatever order they began", async () => {
    const deadlines = new Deadlines();
    const long = endless(deadlines, 1_000);
    const short = endless(deadlines, 400);
    const middle = endless(deadlines, 700);
    await vi.advanceTimersByTimeAsync(399);
    expect(short.outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2);
    expect(short.outcome).toBeInstanceOf(StoreUnavailable);
    expect(middle.outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(300);
    expect(middle.outcome).toBeInstanceOf(StoreUnavailable);
    expect(long.outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(300);
    expect(long.outcome).toBeInstanceOf(StoreUnavailable);
  });

  it("pass on what came in time, whether it is a value or an error", async () => {
    const deadlines = new Deadlines();
    expect(await deadlines.within(100, Promise.resolve("done"))).toBe("done");
    await expect(deadlines.within(100, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    await vi.advanceTimersByTimeAsync(200);
    const waiting = endless(deadlines, 100);
    await vi.advanceTimersByTimeAsync(101);
    expect(waiting.outcome).toBeInstanceOf(StoreUnavailable);
  });

  it("take a reply that waited in a socket while the process was held up", async () => {
    const deadlines = new Deadlines();
    let reply: (value: string) => void = () => undefined;
    const late = new Promise<string>((resolve) => {
      reply = resolve;
    });
    const outcome = deadlines.within(100, late);
    // Timers run before sockets are read: the deadline is over, and the reply comes in the same round of the event loop.
    vi.advanceTimersToNextTimer();
    reply("in time after all");
    expect(await outcome).toBe("in time after all");
  });
});
