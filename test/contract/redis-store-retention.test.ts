import { describe, expect, it } from "vitest";
import { BEGINNING, timeOf } from "../../src/protocol/ids.ts";
import type { RedisStore } from "../../src/store/redis/redis-store.ts";
import { expectUnbroken } from "../kit/chain.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { ALL, message, storeMessage } from "./open-store.ts";

const TEXT = "x".repeat(1_000);

/** No bound of a single room comes into play. */
const ENDLESS = { historyMessages: 1_000_000, historyBytes: 1024 * 1024 * 1024 };

/** What was acknowledged: the newest key and id of each room, in the order of their last message. */
type Stored = Map<string, { key: string; id: string; count: number }>;

/** Fills a room, until `count` messages or something is refused; gives the outcome of the last one. */
async function fill(store: RedisStore, room: string, count: number, stored: Stored): Promise<string> {
  for (let i = 0; i < count; i += 1) {
    const key = `${room}-${i}`;
    const appended = await store.append(message(TEXT, { room, key }));
    if (appended.outcome !== "stored") return appended.outcome;
    stored.set(room, { key, id: appended.id, count: i + 1 });
  }
  return "stored";
}

async function lengthOf(redis: TestRedis, prefix: string, room: string): Promise<number> {
  return Number(await redis.cli("XLEN", `${prefix}{${room}}:log`));
}

async function share(redis: TestRedis): Promise<number> {
  const info = await redis.cli("INFO", "memory");
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
  return read("used_memory") / read("maxmemory");
}

/** Every room goes on from its last message, in one chain, and knows that message's key. */
async function expectWhole(store: RedisStore, stored: Stored): Promise<void> {
  for (const [room, { key, id }] of stored) {
    const entries = await store.readFrom(room, BEGINNING, ALL);
    expectUnbroken(entries, room);
    expect(entries.at(-1)?.id).toBe(id);
    expect(await store.append(message("again", { room, key }))).toEqual({ outcome: "duplicate", id });
  }
}

describe("when Redis is nearly full", () => {
  it("says storage-full, then shortens the quietest rooms, and takes messages again", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "6mb", "--maxmemory-policy", "noeviction"] });
    // Nobody trims histories before it is full.
    const times = { trimMs: 3_600_000, memoryMs: 3_600_000 };
    const { log: store, logger, prefix } = await open({ redis, limits: ENDLESS, times });
    const stored: Stored = new Map();
    const refused = "refused-room";
    let outcome = "stored";
    for (let room = 0; outcome === "stored" && room < 1_000; room += 1) {
      outcome = await fill(store, `room${room}`, 100, stored);
    }
    expect(outcome).toBe("storage-full");
    const again = message(TEXT, { room: refused, key: "refused" });
    const first = await store.append(again);
    await waitFor(async () => {
      const { outcome } = await store.append(again);
      // Not `duplicate` the first time: what was refused has left no key behind.
      return outcome === "stored" || (first.outcome === "stored" && outcome === "duplicate");
    }, "there is room again");
    const rooms = [...stored.keys()];
    const full = rooms.filter((room) => stored.get(room)?.count === 100);
    expect(await lengthOf(redis, prefix, full[0]!)).toBe(50);
    expect(await lengthOf(redis, prefix, full.at(-1)!)).toBe(100);
    const lengths = await Promise.all(full.map((room) => lengthOf(redis, prefix, room)));
    expect(lengths, "the quietest first").toEqual([...lengths].sort((a, b) => a - b));
    await expectWhole(store, stored);
    const line = logger.lines.find(({ sentence }) => sentence.includes("rooms were shortened"));
    expect(line).toMatchObject({ level: "warn", fields: { rooms: expect.any(Number) } });
    expect(store.status.state).toBe("live");
  });

  it("shortens them before it is full, further where that is not enough, and leaves every room its newest message", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "6mb", "--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({
      redis,
      limits: ENDLESS,
      times: { trimMs: 100, trimmerLeaseMs: 1_000 },
    });
    // As many rooms as do not fit with 50 messages each.
    const stored: Stored = new Map();
    for (let room = 0; room < 100; room += 1) {
      const name = `room${room}`;
      for (let i = 0; i < 60; i += 1) {
        const key = `${name}-${i}`;
        const id = await waitFor(async () => {
          const appended = await store.append(message(TEXT, { room: name, key }));
          return "id" in appended && appended.id;
        }, "a message is stored");
        stored.set(name, { key, id, count: i + 1 });
      }
    }
    // Above 90 % rooms are shortened to less than 50 messages.
    await waitFor(async () => (await share(redis)) < 0.91, "there is room");
    expect(await lengthOf(redis, prefix, "room0")).toBeLessThanOrEqual(10);
    expect(await lengthOf(redis, prefix, "room0")).toBeGreaterThanOrEqual(1);
    await expectWhole(store, stored);
  });

  it("leaves a client's key alone, and what is after it is shortened all the same", async () => {
    const redis = await ownRedis();
    const { log: store, prefix } = await open({
      redis,
      limits: ENDLESS,
      times: { trimMs: 100, trimmerLeaseMs: 1_000 },
    });
    await redis.cli("SET", `${prefix}{client}:log`, "x");
    await redis.cli("ZADD", `${prefix}rooms`, String(Date.now() - 60_000), "client");
    const stored: Stored = new Map();
    await fill(store, "lobby", 60, stored);
    await waitFor(async () => (await redis.cli("ZCARD", `${prefix}rooms`)) === "2", "the room is noted");
    // Without a limit nothing is ever shortened.
    expect(await lengthOf(redis, prefix, "lobby")).toBe(60);
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    await waitFor(async () => (await lengthOf(redis, prefix, "lobby")) === 1, "the room is shortened");
    expect(await redis.cli("GET", `${prefix}{client}:log`)).toBe("x");
  });
});

describe("trimming", () => {
  it("is done by one process at a time, and by another one when that is gone", async () => {
    const redis = await ownRedis();
    const times = { trimMs: 50, trimmerLeaseMs: 5_000 };
    const one = await open({ redis, times });
    const holder = () => redis.cli("GET", `${one.prefix}housekeeper`);
    await waitFor(async () => (await holder()) === one.log.instance, "the first trims histories");
    const other = await open({ redis, times, prefix: one.prefix });
    let [left, renewed] = [Number.POSITIVE_INFINITY, 0];
    await waitFor(async () => {
      expect(await holder()).toBe(one.log.instance);
      const now = Number(await redis.cli("PTTL", `${one.prefix}housekeeper`));
      if (now > left) renewed += 1;
      left = now;
      return renewed === 10;
    }, "it stays the first");
    await one.log.close();
    await waitFor(async () => (await holder()) === other.log.instance, "the second takes over", 20_000);
  });

  it("keeps an index of rooms by their last message, also of those from just before the end, and forgets expired ones", async () => {
    const redis = await ownRedis();
    const limits = { historyDays: 1 };
    const one = await open({ redis, limits });
    const index = `${one.prefix}rooms`;
    await storeMessage(one.log, "a", { room: "attic" });
    const earlier = timeOf(await storeMessage(one.log, "b", { room: "lobby" }));
    await waitFor(() => Date.now() > earlier, "the next millisecond");
    const later = timeOf(await storeMessage(one.log, "c", { room: "attic" }));
    await one.log.close();
    const scores = (await redis.cli("ZRANGE", index, "0", "-1", "WITHSCORES")).split("\n");
    expect(scores).toEqual(["lobby", String(earlier), "attic", String(later)]);
    expect(Number(await redis.cli("PTTL", index))).toBeGreaterThan(0);
    const old = Date.now() - 26 * 3_600_000;
    await redis.cli("ZADD", index, String(old), "expired");
    const times = { trimMs: 50, trimmerLeaseMs: 500 };
    await open({ redis, limits, times, prefix: one.prefix });
    await waitFor(async () => (await redis.cli("ZCARD", index)) === "2", "the expired room is forgotten");
    expect((await redis.cli("ZRANGE", index, "0", "-1")).split("\n")).toEqual(["lobby", "attic"]);
  });
});
