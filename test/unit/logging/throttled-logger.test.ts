import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ThrottledLogger } from "../../../src/logging/throttled-logger.ts";
import { RecordingLogger } from "../../kit/logger.ts";

describe("complaints", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("write the first line at once and count what comes within ten seconds", () => {
    const logger = new RecordingLogger();
    const throttled = new ThrottledLogger(logger);
    for (let i = 0; i < 5; i += 1) throttled.log("warn", "it rains", {});
    throttled.log("error", "it burns", { where: "kitchen" });
    vi.advanceTimersByTime(10_000);
    throttled.log("warn", "it rains", {}, 3);
    expect(logger.lines).toEqual([
      { level: "warn", fields: { count: 1 }, sentence: "it rains" },
      { level: "error", fields: { where: "kitchen", count: 1 }, sentence: "it burns" },
      { level: "warn", fields: { count: 7 }, sentence: "it rains" },
    ]);
  });
});
