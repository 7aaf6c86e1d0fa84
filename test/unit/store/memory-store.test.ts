import { describe, expect, it } from "vitest";
import { BEGINNING, compareIds } from "../../../src/protocol/ids.ts";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import type { Append } from "../../../src/store/store.ts";
import { ALL, begin, change, message, ROOMY, storeMessage, textsOf } from "../../contract/open-store.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

/** An embedded store whose time the test sets. */
async function at(start: number, limits = {}, totalBytes?: number) {
  const clock = { now: start };
  const store = new MemoryStore({ ...ROOMY, ...limits }, () => clock.now, totalBytes);
  afterwards(() => store.close());
  await begin(store);
  return { log: store, clock };
}

describe("the embedded store and time", () => {
  it("drops messages that are older than the days kept", async () => {
    const { log: store, clock } = await at(100 * DAY, { historyDays: 2 });
    await storeMessage(store, "first");
    clock.now += DAY;
    await storeMessage(store, "second");
    clock.now += DAY + 1;
    await storeMessage(store, "third");
    expect(await textsOf(store)).toEqual(["second", "third"]);
  });

  it("forgets an abandoned room altogether, and its log then looks new", async () => {
    const { log: store, clock } = await at(100 * DAY, { historyDays: 2 });
    await storeMessage(store, "first", { key: "k" });
    clock.now += 2 * DAY + 1;
    store.sweep();
    expect(await store.heads(["lobby"])).toEqual([BEGINNING]);
    await storeMessage(store, "second", { key: "k" });
    expect((await store.readFrom("lobby", BEGINNING, ALL))[0]?.prev).toBe(BEGINNING);
  });

  it("remembers a key for ten minutes and not longer", async () => {
    const { log: store, clock } = await at(100 * DAY);
    const id = await storeMessage(store, "one", { key: "k" });
    clock.now += 10 * MINUTE - 1;
    store.sweep();
    expect(await store.append(message("one", { key: "k" }))).toEqual({ outcome: "duplicate", id });
    clock.now += 1;
    expect((await store.append(message("one", { key: "k" }))).outcome).toBe("stored");
  });

  it("allows the next message exactly when it said", async () => {
    const { log: store, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    await storeMessage(store, "one");
    await storeMessage(store, "two");
    expect(await store.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 200,
    });
    clock.now += 199;
    expect(await store.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 1,
    });
    clock.now += 1;
    await storeMessage(store, "three");
  });

  it("goes on growing its ids, and lets people speak, when the clock is set back", async () => {
    const { log: store, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    const before = await storeMessage(store, "before");
    clock.now -= DAY;
    const after = await storeMessage(store, "after");
    expect(compareIds(before, after)).toBeLessThan(0);
  });

  /** Stores messages of about 1,300 bytes, the store's own included. */
  async function fill(store: MemoryStore, room: string, count: number, rest: Partial<Append> = {}) {
    for (let i = 0; i < count; i += 1) await storeMessage(store, "x".repeat(1_000), { room, ...rest });
  }

  async function lengths(store: MemoryStore, rooms: readonly string[]): Promise<number[]> {
    return Promise.all(rooms.map(async (room) => (await textsOf(store, room)).length));
  }

  it("shortens the rooms that were quiet longest when all rooms together are too large, and gives them up at last", async () => {
    const { log: store } = await at(100 * DAY, {}, 250_000);
    for (const room of ["oldest", "old"]) await fill(store, room, 60);
    await fill(store, "new", 40);
    const [oldest, old, newest] = await lengths(store, ["oldest", "old", "new"]);
    expect([oldest, newest]).toEqual([50, 40]);
    expect(old).toBeGreaterThanOrEqual(50);
    // More rooms than there is space for.
    for (let i = 0; i < 400; i += 1) await fill(store, `room${i}`, 1);
    expect(await lengths(store, ["oldest", "room399"])).toEqual([0, 1]);
  });

  it("shortens rooms that guests made within a day first, the youngest first, to one message", async () => {
    const { log: store, clock } = await at(100 * DAY, {}, 260_000);
    const guest = { network: "198.51.100.7" };
    await fill(store, "site", 40);
    await fill(store, "yesterday", 40, { user: "g0", guest });
    clock.now += DAY + 1;
    store.sweep();
    await fill(store, "morning", 10, { user: "g1", guest });
    for (let i = 0; i < 8; i += 1) await fill(store, `flood${i}`, 30, { user: `g${i}`, guest });
    expect(await lengths(store, ["site", "yesterday"])).toEqual([40, 40]);
    expect(await lengths(store, ["morning"])).toEqual([10]);
    expect((await lengths(store, ["flood6"]))[0]).toBeLessThan(30);
  });

  it("keeps the access rules of rooms that it gives up", async () => {
    const { log: store } = await at(100 * DAY, {}, 60_000);
    await storeMessage(store, "first");
    await store.changeAccess("lobby", change());
    for (let i = 0; i < 200; i += 1)
      await storeMessage(store, "x".repeat(1_000), { room: `room${i}`, user: "s-1" });
    expect(await textsOf(store)).toEqual([]);
    expect(await store.append(message("no"))).toEqual({ outcome: "forbidden", right: "none" });
  });

  it("forgets access rules that have ended, and the room with them", async () => {
    const { log: store, clock } = await at(100 * DAY, { historyDays: 1 });
    await store.changeAccess("lobby", change({ until: clock.now + DAY }));
    clock.now += DAY + 1;
    store.sweep();
    expect(await store.accessRules("lobby")).toEqual([]);
    expect(await store.recentRooms(5)).toEqual([]);
  });

  it("counts senders and their keys, takes no new guests when they have used it up, and forgets them first", async () => {
    const { log: store, clock } = await at(100 * DAY, {}, 200_000);
    const guest = { network: "198.51.100.7" };
    await fill(store, "site", 20);
    await storeMessage(store, "hi", { user: "g-there", key: "first", guest });
    clock.now += 11 * MINUTE;
    const there = await storeMessage(store, "hi", { user: "g-there", key: "known", guest });
    let outcome = "stored";
    for (let i = 0; outcome === "stored" && i < 1_000; i += 1) {
      const key = "k".repeat(64);
      outcome = (await store.append(message("x", { room: "site", user: `g${i}`, key, guest }))).outcome;
    }
    expect(outcome).toBe("storage-full");
    await storeMessage(store, "goes on", { user: "g-there", key: "next", guest });
    clock.now += 2 * MINUTE;
    await storeMessage(store, "one of the site makes room", { user: "s-1" });
    await storeMessage(store, "a new client", { room: "site", user: "g-new", guest });
    const again = message("hi", { user: "g-there", key: "known", guest });
    expect(await store.append(again)).toEqual({ outcome: "duplicate", id: there });
    expect((await lengths(store, ["site"]))[0]).toBeGreaterThanOrEqual(20);
  });
});
