import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClient, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import type { FakeStore } from "../../../kit/fakes/fake-store.ts";

/** More than a room holds (`RING`), less than a catch-up reads. */
const MANY = 500;
/** Of which a room holds some sixty. */
const LARGE = "x".repeat(2_000);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client in a room that had `count` messages, and nothing read or logged yet. */
async function inRoom(count = 1, text = "old") {
  const { chat, log: store, logger } = openChat();
  const before = store.fill("lobby", count, text);
  const client = await FakeClient.in(chat, "lobby");
  await settle();
  store.calls.length = 0;
  const warnings = () => logger.lines.filter(({ level }) => level === "warn" || level === "error");
  return { chat, log: store, client, before, warnings };
}

/** Calls `happens` once, between a question to the store and its answer. */
function meanwhile(store: FakeStore, happens: () => void): void {
  let isOver = false;
  store.meanwhile = () => {
    if (isOver) return;
    isOver = true;
    happens();
  };
}

function storeMany(store: FakeStore, count: number, text = "new"): void {
  for (let i = 0; i < count; i += 1) store.store("lobby", { text });
}

describe("an entry that a room has been past", () => {
  it("and does not hold any more is no reason to read or to warn when its publication arrives late", async () => {
    const { log: store, client, warnings } = await inRoom();
    const missed = store.fill("lobby", MANY, "missed");
    store.store("lobby", { text: "next" });
    await settle();
    const reads = store.reads.length;
    for (const { frame } of missed) store.publish("lobby", frame);
    await settle();
    store.store("lobby", { text: "last" });
    await settle();
    expect(client.texts).toEqual([...Array(MANY).fill("missed"), "next", "last"]);
    expect([store.reads.length, warnings()]).toEqual([reads, []]);
  });

  it("and was read while it waited to be shown is not said to be missing in the store", async () => {
    const { log: store, client, warnings } = await inRoom();
    store.failing = true;
    store.fill("lobby", 1, "missed");
    storeMany(store, MANY);
    await settle();
    store.failing = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.texts).toHaveLength(1 + MANY);
    expect(new Set(client.ids).size).toBe(1 + MANY);
    expect(warnings()).toEqual([]);
  });

  it("before it opened is no reason to read or to warn", async () => {
    const { log: store, client, before, warnings } = await inRoom(MANY);
    for (const { frame } of before.slice(0, 50)) store.publish("lobby", frame);
    await settle();
    expect([client.texts, store.reads, warnings()]).toEqual([[], [], []]);
  });

  it("and that is acked late is not awaited", async () => {
    const { log: store, client } = await inRoom();
    const { id } = store.store("lobby", { text: "own" });
    storeMany(store, MANY);
    store.answers.push({ outcome: "stored", id });
    client.request({ type: "message", room: "lobby", key: "k", text: "own" });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(store.reads).toEqual([]);
  });

  it("and that the store gave as its newest, before the room went on, is no reason to read", async () => {
    const { log: store } = await inRoom();
    storeMany(store, 1);
    while (!store.calls.includes("heads")) {
      meanwhile(store, () => storeMany(store, MANY));
      await vi.advanceTimersByTimeAsync(500);
    }
    await settle();
    expect(store.reads).toEqual([]);
  });

  it("while somebody joined is read again, once, and is not missing", async () => {
    const { chat, log: store } = await inRoom(300, LARGE);
    const other = await FakeClient.greeted(chat);
    meanwhile(store, () => storeMany(store, 100, LARGE));
    const joined = await other.ask({ type: "join", room: "lobby", limit: 200 });
    expect(textsOf(joined).length).toBeGreaterThan(60);
    expect(store.reads).toEqual(["before lobby", "before lobby"]);
  });
});

describe("an entry that a room has not been past", () => {
  it("is found although its id is lower, where the store lost its newest entries", async () => {
    const { log: store, client } = await inRoom(300);
    storeMany(store, 1);
    await settle();
    store.lose("lobby", 290);
    store.store("lobby", { text: "of the new log", id: "1012-9" });
    await settle();
    expect(client.connection.framesOf("joined").at(-1)).toMatchObject({ recovered: false, head: "1012-9" });
  });

  it("is found by the audit although its id is lower and nothing was published", async () => {
    const { log: store, client } = await inRoom(300);
    store.lose("lobby", 290);
    store.store("lobby", { text: "of the new log", id: "1012-9", published: false });
    await vi.advanceTimersByTimeAsync(61_000);
    await settle();
    expect(client.connection.framesOf("joined").at(-1)).toMatchObject({ recovered: false, head: "1012-9" });
  });

  it("is found by who joins, where the store lost its newest entries", async () => {
    const { chat, log: store } = await inRoom(300, LARGE);
    store.lose("lobby", 200);
    const other = await FakeClient.greeted(chat);
    const joined = await other.ask({ type: "join", room: "lobby", limit: 200 });
    expect(joined).toMatchObject({ type: "joined", head: store.head("lobby") });
  });

  it("and is not stored is read for and never shown", async () => {
    const { log: store, client, before, warnings } = await inRoom(300);
    const inBetween = before.at(-5);
    const { id = "", frame = Buffer.alloc(0) } = inBetween ?? {};
    store.publish("lobby", Buffer.from(frame.toString().replace(id, `${id.split("-")[0]}-9`)));
    await settle();
    expect([store.reads.length, client.texts]).toEqual([1, []]);
    expect(warnings()).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ event: "not-stored" }) }),
    ]);
  });
});
