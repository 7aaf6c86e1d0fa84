import { describe, expect, it } from "vitest";
import type { MessageLimit } from "../../../../src/store/store.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { cookiesOf, openApi, say, withKey } from "../../../kit/servers/api.ts";

const SENTENCES: readonly (readonly [MessageLimit, string, RegExp])[] = [
  ["user", "user-messages", /^You are sending/],
  ["address", "address-messages", /^This address is sending/],
  ["room", "room-messages", /^This room is getting/],
];

/** What a hundred messages are told that the store refuses by a limit. */
async function refusedBy(limit: MessageLimit, retryAfterMs: number) {
  const { chat, log: store } = openChat();
  const client = await FakeClient.in(chat, "lobby");
  for (let i = 0; i < 100; i += 1) {
    store.answers.push({ outcome: "rate-limited", limit, retryAfterMs });
    client.request({ type: "message", room: "lobby", key: `k${i}`, text: "t" });
  }
  await settle(40);
  return { chat, errors: client.connection.framesOf("error") };
}

describe("a message that is over a limit", () => {
  it.each(SENTENCES)(
    "of the %s is counted by it, and its sender is told which one",
    async (limit, name, sentence) => {
      const { chat, errors } = await refusedBy(limit, 50);
      expect(errors).toHaveLength(100);
      for (const error of errors)
        expect(error).toMatchObject({ code: "rate-limited", message: expect.stringMatching(sentence) });
      expect(Object.fromEntries(chat.counters.limited)).toEqual({ [name]: 100 });
    },
  );

  it.each(["address", "room"] as const)(
    "of the %s may come again at a time that is not that of all others",
    async (limit) => {
      const { errors } = await refusedBy(limit, 50);
      const times = errors.map(({ retryAfterMs }) => Number(retryAfterMs));
      expect(new Set(times).size).toBeGreaterThan(50);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(50);
      expect(Math.max(...times)).toBeLessThan(50 + 1_050);
    },
  );

  it("of the user may come again exactly when the store says", async () => {
    const { errors } = await refusedBy("user", 50);
    expect(new Set(errors.map(({ retryAfterMs }) => retryAfterMs))).toEqual(new Set([50]));
  });
});

describe("a flood of guests of one address", () => {
  it("does not reach the store, except twice what the address may store", async () => {
    const { chat, log: store } = openChat({ addressMessagesPerSecond: 1 });
    const guests = await Promise.all(Array.from({ length: 40 }, () => FakeClient.in(chat, "lobby")));
    for (const guest of guests) guest.request({ type: "message", room: "lobby", key: "k", text: "t" });
    await settle();
    expect(store.appends).toHaveLength(10);
    expect(chat.counters.limited.get("address-messages")).toBe(30);
    const errors = guests.flatMap(({ connection }) => connection.framesOf("error"));
    expect(errors).toHaveLength(30);
    for (const error of errors)
      expect(error).toMatchObject({ code: "rate-limited", message: expect.stringMatching(/^This address/) });
  });
});

describe("messages of guests over HTTP", () => {
  it("are limited by the address of the request, those of a program are not", async () => {
    const app = await openApi({ messagesPerSecond: 0, addressMessagesPerSecond: 1 });
    const statuses: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const newGuest = await app.inject({ method: "POST", url: "/api/session", payload: {} });
      statuses.push((await say(app, "hi", { cookie: cookiesOf(newGuest) })).statusCode);
    }
    expect(statuses.slice(0, 5)).toEqual(Array(5).fill(201));
    expect(statuses).toContain(429);
    for (let i = 0; i < 10; i += 1) expect((await say(app, "hi", withKey())).statusCode).toBe(201);
  });
});
