import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { describe, expect, it, vi } from "vitest";
import { KeyAttempts } from "../../../src/identity/key-attempts.ts";
import { KEY, OTHER_KEY, openApi, withKey } from "../../kit/servers/api.ts";
import { appLog } from "../../kit/servers/app-log.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const WRONG = "a-key-that-nobody-has";

type Door = (key: string) => InjectOptions;

const AT_API: Door = (key) => ({ url: "/api/rooms", headers: withKey(key) });

const DOORS: readonly (readonly [string, Door])[] = [
  ["the API", AT_API],
  ["/metrics", (key) => ({ url: "/metrics", headers: withKey(key) })],
  ["/status/fleet", (key) => ({ url: "/status/fleet", headers: withKey(key) })],
  ["the sign-in at /status", (key) => ({ method: "POST", url: "/status/session", payload: { key } })],
];

function attempt(
  app: FastifyInstance,
  door: Door,
  key: string,
  remoteAddress = "192.0.2.1",
): Promise<LightMyRequestResponse> {
  return app.inject({ ...door(key), remoteAddress });
}

async function guess(app: FastifyInstance, door: Door, times = 10): Promise<void> {
  for (let wrong = 0; wrong < times; wrong += 1) {
    expect((await attempt(app, door, `${WRONG}-${wrong}`)).statusCode).toBe(401);
  }
}

describe.each(DOORS)("after ten wrong keys at %s", (_where, door) => {
  it("no key of that address is tried at any door until the minute is over", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    afterwards(() => vi.useRealTimers());
    const app = await openApi({ metrics: "key" });
    await guess(app, door);
    for (const [, other] of DOORS) {
      for (const key of [WRONG, KEY]) {
        const refused = await attempt(app, other, key);
        expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "60"]);
        expect(refused.json()).toMatchObject({
          code: "rate-limited",
          message: expect.stringMatching(/wrong keys/),
        });
      }
      expect((await attempt(app, other, KEY, "192.0.2.2")).statusCode).toBeLessThan(300);
    }
    expect(app.dynochat.chat.counters.limited.get("wrong-keys")).toBe(8);
    vi.advanceTimersByTime(60_000);
    expect((await attempt(app, door, KEY)).statusCode).toBeLessThan(300);
  });

  it("a program that came from that address before goes on, and another one waits", async () => {
    const app = await openApi({ metrics: "key" });
    expect((await attempt(app, AT_API, KEY)).statusCode).toBe(200);
    await guess(app, door);
    expect((await attempt(app, door, WRONG)).statusCode).toBe(429);
    expect((await attempt(app, door, OTHER_KEY)).statusCode).toBe(429);
    expect((await attempt(app, AT_API, KEY)).statusCode).toBe(200);
    expect((await attempt(app, door, KEY)).statusCode).toBeLessThan(300);
  });
});

it("wrong keys of one address are one log line, which does not hold them", async () => {
  const log = appLog();
  const app = await openApi({}, log.server);
  await guess(app, AT_API);
  for (let more = 0; more < 20; more += 1) await attempt(app, AT_API, WRONG);
  expect(log.lines("wrong-keys")).toMatchObject([{ network: "192.0.2.1", count: 1, level: 40 }]);
  expect(log.text()).not.toContain(WRONG);
});

describe("attempts at keys", () => {
  it("are forgotten a minute after the first wrong one", () => {
    const attempts = new KeyAttempts();
    for (let wrong = 0; wrong < 9; wrong += 1) expect(attempts.add("a", undefined, 0)).toBe(0);
    expect(attempts.add("a", undefined, 59_000)).toBe(0);
    expect(attempts.add("a", undefined, 59_000)).toBe(1_000);
    expect(attempts.add("b", undefined, 59_500)).toBe(0);
    for (let wrong = 0; wrong < 10; wrong += 1) expect(attempts.add("a", undefined, 60_000)).toBe(0);
    expect(attempts.add("a", "p-1", 60_000)).toBe(60_000);
  });

  it("do not count where the key is right", () => {
    const attempts = new KeyAttempts();
    for (let right = 0; right < 100; right += 1) expect(attempts.add("a", "p-1", 0)).toBe(0);
    for (let wrong = 0; wrong < 10; wrong += 1) expect(attempts.add("a", undefined, 0)).toBe(0);
    expect([attempts.add("a", "p-1", 0), attempts.add("a", "p-2", 0)]).toEqual([0, 60_000]);
  });
});
