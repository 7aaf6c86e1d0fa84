import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../../../../src/chat/chat.ts";
import { guestIdentity } from "../../../../src/chat/identity.ts";
import { ANSWER_BYTES } from "../../../../src/chat/limits/answer-budget.ts";
import { ReadSlots } from "../../../../src/chat/limits/read-slots.ts";
import { LIMITS } from "../../../../src/protocol/limits.ts";
import { EVENT_CODEC } from "../../../../src/transport/codecs/events.ts";
import { V1_CODEC } from "../../../../src/transport/codecs/v1.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";
import { deferred } from "../../../kit/vitest/wait-for.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

const ROOMS = Array.from({ length: 50 }, (_, n) => `room-${n}`);
const FEW_ROOMS = ROOMS.slice(0, 4);

/** What a connection that reads nothing may be made to hold. */
const MOST_HELD = LIMITS.closeWaterline + LIMITS.answerBytes;

/** A chat whose rooms have more messages than an answer may carry. */
function openFullChat(rooms = ROOMS) {
  const { chat, log: store } = openChat();
  for (const room of rooms) store.fill(room, 60, "x".repeat(6_000));
  return { chat, log: store };
}

/** A client that has joined the rooms and reads nothing from now on. */
async function stalledIn(chat: Chat, rooms: readonly string[], network = "192.0.2.1"): Promise<FakeClient> {
  const client = await greeted(chat, network);
  for (const room of rooms) await client.ask({ type: "join", room, limit: 0 });
  client.connection.isStalled = true;
  return client;
}

async function greeted(chat: Chat, network: string): Promise<FakeClient> {
  const client = new FakeClient(chat, undefined, new FakeConnection(V1_CODEC, network));
  await client.ask({ type: "hello" });
  return client;
}

function askAll(client: FakeClient, type: "history" | "join", rooms = ROOMS): number[] {
  return rooms.map((room) => client.request({ type, room, limit: 200 }));
}

describe("a client that reads nothing", () => {
  it("and asks for the history of 50 rooms at once is sent three answers at most", async () => {
    const { chat, log: store } = openFullChat();
    const client = await stalledIn(chat, ROOMS);
    const before = store.reads.length;
    askAll(client, "history");
    await settle(100);
    expect(client.connection.waiting).toBeGreaterThan(LIMITS.hintWaterline);
    expect(client.connection.waiting).toBeLessThanOrEqual(MOST_HELD);
    expect(store.reads.length - before).toBeLessThanOrEqual(3);
    expect(client.connection.closedWith).toBeUndefined();
  });

  it("and joins 50 rooms at once is sent three answers at most", async () => {
    const { chat } = openFullChat();
    const client = await stalledIn(chat, []);
    askAll(client, "join");
    await settle(100);
    expect(client.connection.waiting).toBeLessThanOrEqual(MOST_HELD);
  });

  it("and opens a stream of 50 rooms is sent three answers at most", async () => {
    const { chat, log: store } = openFullChat();
    const connection = new FakeConnection(EVENT_CODEC);
    connection.isStalled = true;
    const visits = ROOMS.map((room) => ({
      room,
      after: store.entries(room)[0]?.id,
      found: { right: "write" as const, at: 0 },
    }));
    chat.connectStream(connection, { identity: guestIdentity("u", "Ann"), rooms: visits });
    await settle(100);
    expect(connection.waiting).toBeGreaterThan(LIMITS.hintWaterline);
    expect(connection.waiting).toBeLessThanOrEqual(MOST_HELD);
  });

  it("gets every answer once it reads again", async () => {
    const { chat } = openFullChat();
    const client = await stalledIn(chat, ROOMS);
    const refs = askAll(client, "history");
    await settle(100);
    client.connection.isStalled = false;
    client.connection.waiting = 0;
    await settle(300);
    expect(refs.map((ref) => client.answer(ref)?.type)).toEqual(refs.map(() => "history"));
  });

  it("is closed after 30 s, and one that reads slowly is not", async () => {
    const { chat } = openFullChat(FEW_ROOMS);
    const stalled = await stalledIn(chat, FEW_ROOMS);
    const slow = await stalledIn(chat, FEW_ROOMS);
    const plain = new FakeConnection();
    plain.isStalled = true;
    chat.connectPlain(plain, chat.guests.create(), { room: "room-0", after: undefined, limit: 50 });
    for (const client of [stalled, slow]) askAll(client, "history", FEW_ROOMS);
    for (let ms = 0; ms < 31_000; ms += 1_000) {
      expect(stalled.connection.closedWith).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1_000);
      slow.connection.waiting -= 1;
    }
    expect(stalled.connection.closedWith?.code).toBe(4408);
    expect(plain.closedWith?.code).toBe(4408);
    expect(slow.connection.closedWith).toBeUndefined();
  });
});

describe("clients of one address that read nothing", () => {
  /** As many as it takes to use up what their network may hold. */
  async function stalledNetwork(chat: Chat, network: string): Promise<FakeClient[]> {
    const clients: FakeClient[] = [];
    for (let held = 0; held < ANSWER_BYTES.network * 1.5; held += 3 * LIMITS.answerBytes) {
      clients.push(await stalledIn(chat, FEW_ROOMS, network));
    }
    for (const client of clients) askAll(client, "history", FEW_ROOMS);
    await settle(50);
    return clients;
  }

  function heldBy(clients: readonly FakeClient[]): number {
    return clients.reduce((sum, { connection }) => sum + connection.waiting, 0);
  }

  it("hold no more than a quarter of what the process has for answers, and others get theirs", async () => {
    const { chat } = openFullChat(FEW_ROOMS);
    const stalled = await stalledNetwork(chat, "192.0.2.66");
    expect(heldBy(stalled)).toBeLessThanOrEqual(ANSWER_BYTES.network + LIMITS.answerBytes);
    const other = await greeted(chat, "192.0.2.1");
    expect(await other.ask({ type: "join", room: "room-0", limit: 200 })).toMatchObject({ type: "joined" });
  });

  it("get an error for more within 2 s, and are closed after 5 s, which makes space for others of their address", async () => {
    const { chat } = openFullChat(FEW_ROOMS);
    const stalled = await stalledNetwork(chat, "192.0.2.66");
    const honest = await greeted(chat, "192.0.2.66");
    const ref = honest.request({ type: "join", room: "room-0", limit: 200 });
    await vi.advanceTimersByTimeAsync(LIMITS.unavailableMs);
    await settle();
    expect(honest.answer(ref)).toMatchObject({ code: "rate-limited", retryable: true, retryAfterMs: 1_000 });
    expect(chat.counters.limited.get("answers")).toBeGreaterThan(0);
    for (let ms = 0; ms < 5_000; ms += 1_000) {
      (await greeted(chat, "192.0.2.66")).request({ type: "join", room: "room-0", limit: 200 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const closed = stalled.filter(({ connection }) => connection.closedWith?.code === 4408);
    expect(closed).not.toEqual([]);
    for (const client of closed) client.leaveAltogether();
    await vi.advanceTimersByTimeAsync(1_000);
    const next = await greeted(chat, "192.0.2.66");
    expect(await next.ask({ type: "join", room: "room-0", limit: 200 })).toMatchObject({ type: "joined" });
  });

  it("leave nothing behind", async () => {
    const { chat } = openFullChat(FEW_ROOMS);
    const stalled = await stalledNetwork(chat, "192.0.2.66");
    for (const client of stalled) client.leaveAltogether();
    await vi.advanceTimersByTimeAsync(LIMITS.unavailableMs + 1_000);
    expect(chat.answers.fits("192.0.2.66", ANSWER_BYTES.network)).toBe(true);
    expect(chat.answers.fits("192.0.2.1", ANSWER_BYTES.network)).toBe(true);
  });
});

describe("the reads of a process", () => {
  it("are under way in a bounded number, and one that waited too long is not begun", async () => {
    const slots = new ReadSlots(2);
    const gates = [deferred<void>(), deferred<void>()];
    const begun: number[] = [];
    const run = (n: number, until = Promise.resolve()) =>
      slots.run(() => {
        begun.push(n);
        return until;
      });
    const first = gates.map((gate, n) => run(n, gate.promise));
    const late = run(2);
    const refused = expect(late).rejects.toThrow("no answer in time");
    await vi.advanceTimersByTimeAsync(1_000);
    const inTime = run(3);
    await settle();
    expect(begun).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(900);
    for (const gate of gates) gate.resolve();
    await Promise.all([...first, refused, inTime]);
    expect(begun).toEqual([0, 1, 3]);
    await run(4);
    expect(begun).toEqual([0, 1, 3, 4]);
  });
});
