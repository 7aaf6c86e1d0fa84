import { describe, expect, it } from "vitest";
import { BEGINNING, compareIds } from "../../../src/protocol.ts";
import { MemoryLog } from "../../../src/store/memory/memory-store.ts";
import type { Append } from "../../../src/store/store.ts";
import { ALL, begin, message, ROOMY, store, textsOf } from "../../contract/open-store.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

/** An embedded log whose time the test sets. */
async function at(start: number, limits = {}, totalBytes?: number) {
  const clock = { now: start };
  const log = new MemoryLog({ ...ROOMY, ...limits }, () => clock.now, totalBytes);
  afterwards(() => log.close());
  await begin(log);
  return { log, clock };
}

describe("the embedded log and time", () => {
  it("drops messages that are older than the days kept", async () => {
    const { log, clock } = await at(100 * DAY, { historyDays: 2 });
    await store(log, "first");
    clock.now += DAY;
    await store(log, "second");
    clock.now += DAY + 1;
    await store(log, "third");
    expect(await textsOf(log)).toEqual(["second", "third"]);
  });

  it("forgets an abandoned room altogether, and its log then looks new", async () => {
    const { log, clock } = await at(100 * DAY, { historyDays: 2 });
    await store(log, "first", { key: "k" });
    clock.now += 2 * DAY + 1;
    log.sweep();
    expect(await log.heads(["lobby"])).toEqual([BEGINNING]);
    await store(log, "second", { key: "k" });
    expect((await log.readFrom("lobby", BEGINNING, ALL))[0]?.prev).toBe(BEGINNING);
  });

  it("remembers a key for ten minutes and not longer", async () => {
    const { log, clock } = await at(100 * DAY);
    const id = await store(log, "one", { key: "k" });
    clock.now += 10 * MINUTE - 1;
    log.sweep();
    expect(await log.append(message("one", { key: "k" }))).toEqual({ outcome: "duplicate", id });
    clock.now += 1;
    expect((await log.append(message("one", { key: "k" }))).outcome).toBe("stored");
  });

  it("allows the next message exactly when it said", async () => {
    const { log, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    await store(log, "one");
    await store(log, "two");
    expect(await log.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 200,
    });
    clock.now += 199;
    expect(await log.append(message("three"))).toEqual({
      outcome: "rate-limited",
      limit: "user",
      retryAfterMs: 1,
    });
    clock.now += 1;
    await store(log, "three");
  });

  it("goes on growing its ids, and lets people speak, when the clock is set back", async () => {
    const { log, clock } = await at(100 * DAY, { messagesPerSecond: 5, messageBurst: 2 });
    const before = await store(log, "before");
    clock.now -= DAY;
    const after = await store(log, "after");
    expect(compareIds(before, after)).toBeLessThan(0);
  });

  /** Stores messages of about 1,300 bytes, the store's own included. */
  async function fill(log: MemoryLog, room: string, count: number, rest: Partial<Append> = {}) {
    for (let i = 0; i < count; i += 1) await store(log, "x".repeat(1_000), { room, ...rest });
  }

  async function lengths(log: MemoryLog, rooms: readonly string[]): Promise<number[]> {
    return Promise.all(rooms.map(async (room) => (await textsOf(log, room)).length));
  }

  it("shortens the rooms that were quiet longest when all rooms together are too large, and gives them up at last", async () => {
    const { log } = await at(100 * DAY, {}, 250_000);
    for (const room of ["oldest", "old"]) await fill(log, room, 60);
    await fill(log, "new", 40);
    const [oldest, old, newest] = await lengths(log, ["oldest", "old", "new"]);
    expect([oldest, newest]).toEqual([50, 40]);
    expect(old).toBeGreaterThanOrEqual(50);
    // More rooms than there is space for.
    for (let i = 0; i < 400; i += 1) await fill(log, `room${i}`, 1);
    expect(await lengths(log, ["oldest", "room399"])).toEqual([0, 1]);
  });

  it("shortens rooms that guests made within a day first, the youngest first, to one message", async () => {
    const { log, clock } = await at(100 * DAY, {}, 260_000);
    const guest = { network: "198.51.100.7" };
    await fill(log, "site", 40);
    await fill(log, "yesterday", 40, { user: "g0", guest });
    clock.now += DAY + 1;
    log.sweep();
    await fill(log, "morning", 10, { user: "g1", guest });
    for (let i = 0; i < 8; i += 1) await fill(log, `flood${i}`, 30, { user: `g${i}`, guest });
    expect(await lengths(log, ["site", "yesterday"])).toEqual([40, 40]);
    expect(await lengths(log, ["morning"])).toEqual([10]);
    expect((await lengths(log, ["flood6"]))[0]).toBeLessThan(30);
  });

  it("counts senders and their keys, takes no new guests when they have used it up, and forgets them first", async () => {
    const { log, clock } = await at(100 * DAY, {}, 200_000);
    const guest = { network: "198.51.100.7" };
    await fill(log, "site", 20);
    await store(log, "hi", { user: "g-there", key: "first", guest });
    clock.now += 11 * MINUTE;
    const there = await store(log, "hi", { user: "g-there", key: "known", guest });
    let outcome = "stored";
    for (let i = 0; outcome === "stored" && i < 1_000; i += 1) {
      const key = "k".repeat(64);
      outcome = (await log.append(message("x", { room: "site", user: `g${i}`, key, guest }))).outcome;
    }
    expect(outcome).toBe("storage-full");
    await store(log, "goes on", { user: "g-there", key: "next", guest });
    clock.now += 2 * MINUTE;
    await store(log, "one of the site makes room", { user: "s-1" });
    await store(log, "a newcomer", { room: "site", user: "g-new", guest });
    const again = message("hi", { user: "g-there", key: "known", guest });
    expect(await log.append(again)).toEqual({ outcome: "duplicate", id: there });
    expect((await lengths(log, ["site"]))[0]).toBeGreaterThanOrEqual(20);
  });
});
