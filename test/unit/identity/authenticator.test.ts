import { beforeEach, describe, expect, it, vi } from "vitest";
import { guestHandle } from "../../../src/chat/guests.ts";
import { type Authenticate, Authenticator } from "../../../src/identity/authenticator.ts";
import { settle } from "../../kit/fakes/fake-client.ts";
import { RecordingLogger } from "../../kit/logger.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return () => vi.useRealTimers();
});

const UNAVAILABLE = { ok: false, error: { code: "unavailable", retryAfterMs: expect.any(Number) } };

function open(authenticate: (request: string) => unknown, mostWaiting?: number) {
  const logger = new RecordingLogger();
  const time = { now: 1_000 };
  const users = new Authenticator(authenticate as Authenticate<string>, {
    logger,
    now: () => time.now,
    networkOf: () => "192.0.2.1",
    mostWaiting,
  });
  return { users, logger, time };
}

function fail(): never {
  throw new Error("the app's own");
}

async function answerTo(answer: unknown) {
  const { users } = open(() => answer);
  const found = await users.of("request");
  return found.ok ? found.value : found.error.code;
}

describe("an app that names its users", () => {
  it("names one of whom a sign-out meanwhile counts: the user is as old as the question", async () => {
    const { users, time } = open(async () => {
      time.now += 500;
      return { id: "ann" };
    });
    expect(await users.of("request")).toMatchObject({ value: { user: "s-ann", issuedAt: 1_000 } });
  });

  it("names a user as a token does", async () => {
    expect(await answerTo({ id: "ann", name: "Ann Ash" })).toEqual({
      user: "s-ann",
      handle: "Ann Ash",
      hasFixedHandle: true,
      kind: "site",
      rooms: undefined,
      issuedAt: expect.any(Number),
      expiresAt: undefined,
      siteKey: undefined,
    });
    expect(await answerTo({ id: 7 })).toMatchObject({
      user: "s-7",
      handle: guestHandle("s-7"),
      hasFixedHandle: false,
    });
    expect(await answerTo({ id: "ann@example.com" })).toMatchObject({
      user: expect.stringMatching(/^s_[\w-]{43}$/),
    });
    expect(await answerTo({ id: "x", name: `A\u202Enn ${"a".repeat(50)}` })).toMatchObject({
      handle: `Ann ${"a".repeat(28)}`,
      hasFixedHandle: true,
    });
    const named = await answerTo({ id: "ann", rooms: { "team-*": "read" } });
    expect(typeof named === "object" && named.rooms?.of("team-1")).toBe("read");
  });

  it("names no user", async () => {
    expect(await answerTo(undefined)).toBeUndefined();
    expect(await answerTo(Promise.resolve(undefined))).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ["answers null", () => null],
    ["answers false", () => false],
    ["answers a text", () => "ann"],
    ["answers a number", () => 7],
    ["gives no id", () => ({})],
    ["gives an empty id", () => ({ id: "" })],
    ["gives null as the id", () => ({ id: null })],
    ["gives a fraction as the id", () => ({ id: 1.5 })],
    ["gives an object as the id", () => ({ id: {} })],
    ["gives null as the rooms", () => ({ id: "ann", rooms: null })],
    ["gives a list as the rooms", () => ({ id: "ann", rooms: [] })],
    ["gives what is no right", () => ({ id: "ann", rooms: { "team-*": "admin" } })],
    ["rejects", () => Promise.reject(new Error("the app's own"))],
    ["throws", () => fail()],
    ["answers what cannot be read", () => Object.defineProperty({}, "id", { get: fail })],
  ])("is not believed to name no user where it %s", async (_what, authenticate) => {
    const { users, logger } = open(authenticate);
    expect(await users.of("request")).toMatchObject(UNAVAILABLE);
    expect(logger.lines).toMatchObject([{ level: "error", fields: { event: "authenticate" } }]);
  });

  it("is asked 32 times at once at most, has 2 s each time, and a bounded number wait up to 5 s", async () => {
    const asked: string[] = [];
    const { users, logger } = open((request) => {
      asked.push(request);
      return new Promise(() => undefined);
    }, 10);
    const found = Array.from({ length: 43 }, (_, i) => users.of(`request ${i}`));
    expect(await found[42]).toMatchObject(UNAVAILABLE);
    expect(asked).toHaveLength(32);
    await vi.advanceTimersByTimeAsync(1_999);
    const settled = vi.fn();
    void Promise.race(found.slice(0, 42)).then(settled);
    await settle();
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    for (const each of await Promise.all(found.slice(0, 32))) expect(each).toMatchObject(UNAVAILABLE);
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { event: "authenticate" } }]);
    await vi.advanceTimersByTimeAsync(3_000);
    for (const each of await Promise.all(found)) expect(each).toMatchObject(UNAVAILABLE);
    expect(asked).toHaveLength(32);
  });
});
