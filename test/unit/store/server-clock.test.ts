import { describe, expect, it } from "vitest";
import { ServerClock } from "../../../src/store/redis/node/server-clock.ts";

describe("the server's clock as known here", () => {
  it("is never ahead of the server's, however long the reply took", () => {
    const time = { local: 1_000, server: 50_000 };
    const clock = new ServerClock(() => time.local);
    const pass = (ms: number) => {
      time.local += ms;
      time.server += ms;
    };
    pass(400);
    const told = time.server;
    pass(700);
    clock.sampled(told);
    for (const ms of [0, 1, 3_000]) {
      pass(ms);
      expect(clock.now()).toBeLessThanOrEqual(time.server);
      expect(time.server - clock.now()).toBe(700);
    }
  });

  it("follows the newest sample when the server's clock is set", () => {
    const clock = new ServerClock(() => 1_000);
    clock.sampled(90_000);
    clock.sampled(20_000);
    expect(clock.now()).toBe(20_000);
  });

  it("cannot be read before the first sample", () => {
    expect(() => new ServerClock().now()).toThrow();
  });
});
