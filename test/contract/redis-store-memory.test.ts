import { describe, expect, it, vi } from "vitest";
import { ALL_ROOMS, signOutSubject } from "../../src/store/access.ts";
import type { RedisStore } from "../../src/store/redis/redis-store.ts";
import { RoomIndex } from "../../src/store/redis/retention/room-index.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { change, message, storeMessage } from "./open-store.ts";

const MB = 1024 * 1024;
const DAY = 86_400_000;
const MINUTE = 60_000;
const TEXT = "x".repeat(1_000);
const GUEST = { network: "198.51.100.7" };
const EAGER = { trimMs: 100, trimmerLeaseMs: 1_000, memoryMs: 50 };
/** Memory is read, and nothing is removed: another process trims histories. */
const WATCHING = { trimMs: 3_600_000, memoryMs: 50 };

async function bytesUsed(redis: TestRedis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.cli("INFO", "memory"))?.[1]);
}

/** Sets the server's limit so that it uses that share of it. */
async function use(redis: TestRedis, share: number): Promise<void> {
  await redis.cli("CONFIG", "SET", "maxmemory", String(Math.round((await bytesUsed(redis)) / share)));
}

/** Fills a room with messages of 1,000 letters. */
async function fill(store: RedisStore, room: string, count: number, user?: string): Promise<void> {
  const rest = user === undefined ? {} : { user, guest: GUEST };
  const messages = Array.from({ length: count }, () => storeMessage(store, TEXT, { room, ...rest }));
  await Promise.all(messages);
}

async function lengthsOf(redis: TestRedis, prefix: string, rooms: readonly string[]): Promise<number[]> {
  return Promise.all(rooms.map(async (room) => Number(await redis.cli("XLEN", `${prefix}{${room}}:log`))));
}

/** Waits until the list of rooms that guests made has that many. */
async function listed(redis: TestRedis, prefix: string, count: number): Promise<void> {
  const size = async () => Number(await redis.cli("ZCARD", `${prefix}rooms:guests`));
  await waitFor(async () => (await size()) === count, "the rooms are listed");
}

/** Makes a room one that a guest made that long ago. */
async function age(redis: TestRedis, prefix: string, room: string, ms: number): Promise<void> {
  await redis.cli("ZADD", `${prefix}rooms:guests`, "XX", String(Date.now() - ms), room);
}

describe("a Redis that guests fill", () => {
  it("loses the rooms that guests made within a day, the youngest first, and of other rooms nothing", async () => {
    const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({ redis, times: EAGER });
    await fill(store, "site", 400);
    await fill(store, "older", 400, "g-older");
    await listed(redis, prefix, 1);
    await age(redis, prefix, "older", DAY + MINUTE);
    await fill(store, "morning", 20, "g-morning");
    await listed(redis, prefix, 2);
    await age(redis, prefix, "morning", 60 * MINUTE);
    const flood = Array.from({ length: 30 }, (_, i) => `flood${i}`);
    for (const room of flood) await fill(store, room, 30, `g-${room}`);
    await listed(redis, prefix, 32);
    await use(redis, 0.82);
    await waitFor(
      async () => (await lengthsOf(redis, prefix, flood)).some((length) => length === 1),
      "rooms are shortened",
    );
    await waitFor(
      async () =>
        !(await store.append(message("x", { room: "made", user: "g-x", guest: GUEST }))).outcome.startsWith(
          "storage",
        ),
      "new rooms may be made",
    );
    expect(await lengthsOf(redis, prefix, ["site", "older", "morning"])).toEqual([400, 400, 20]);
  });

  it("loses nothing of others where what guests made lately is enough, and only too young to be removed", async () => {
    const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({ redis, times: EAGER });
    await fill(store, "site", 400);
    const flood = Array.from({ length: 500 }, (_, i) => fill(store, `flood${i}`, 1, `g${i}`));
    await Promise.all(flood);
    await listed(redis, prefix, 500);
    await use(redis, 0.87);
    const looks = async () => Number(/zcount:calls=(\d+)/.exec(await redis.cli("INFO", "commandstats"))?.[1]);
    await waitFor(async () => (await looks()) >= 5, "it was looked for more");
    expect(await lengthsOf(redis, prefix, ["site"])).toEqual([400]);
    await use(redis, 0.97);
    await waitFor(async () => (await lengthsOf(redis, prefix, ["site"]))[0] === 50, "it is urgent");
  });

  it("deletes rooms without users when that was not enough, and keeps those with users in them", async () => {
    const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({ redis, times: EAGER });
    await fill(store, "site", 100);
    const rooms = ["abandoned", "visited"];
    for (const room of rooms) {
      await fill(store, room, 1, `g-${room}`);
      await redis.cli("DEL", `${prefix}{${room}}:log`);
      // An id of a minute ago: what is new stays.
      const entry = [`${Date.now() - MINUTE}-1`, "p", "0-0", "n", "9", "b", '"type":"message"}'];
      await redis.cli("XADD", `${prefix}{${room}}:log`, ...entry);
    }
    await listed(redis, prefix, 2);
    for (const room of rooms) await age(redis, prefix, room, MINUTE);
    await store.enter("visited", { id: "g-visitor", handle: "Ada" });
    await use(redis, 0.82);
    await waitFor(async () => (await lengthsOf(redis, prefix, ["abandoned"]))[0] === 0, "it is deleted");
    expect(await redis.cli("ZSCORE", `${prefix}rooms`, "abandoned")).toBe("");
    expect(await lengthsOf(redis, prefix, ["visited"])).toEqual([1]);
    // A floor that holds until 90 % is used.
    expect((await lengthsOf(redis, prefix, ["site"]))[0]).toBeGreaterThanOrEqual(50);
  });

  it("forgets the keys of guests who began lately and are silent, and no others", async () => {
    const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({ redis, times: EAGER });
    const remember = async (user: string, ...agesMs: number[]) => {
      const key = `${prefix}{lobby}:sent:younger:${user}`;
      const fields = agesMs.flatMap((ms, i) => [`key${i}`, `${Date.now() - ms}-1`]);
      await redis.cli("HSET", key, ...fields);
      return key;
    };
    const forgotten = await remember("g-passing", 2 * MINUTE, 3 * MINUTE);
    const kept = [
      await remember("g-speaking", MINUTE / 2, 3 * MINUTE),
      await remember("g-there", 2 * MINUTE, 11 * MINUTE),
      await remember("s-site", 2 * MINUTE),
    ];
    await use(redis, 0.82);
    await waitFor(async () => (await redis.cli("EXISTS", forgotten)) === "0", "it is forgotten");
    expect(await redis.cli("EXISTS", ...kept)).toBe("3");
    expect(store.status.state).toBe("live");
  });

  it("makes room where it does not tell how full it is", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "6mb", "--maxmemory-policy", "noeviction"] });
    await redis.cli("ACL", "SETUSER", "default", "-info", "-config", "-scan", "-zrem");
    const { log: store, prefix } = await open({ redis, times: EAGER });
    await fill(store, "site", 60);
    let outcome = "stored";
    for (let i = 0; outcome === "stored" && i < 10_000; i += 1) {
      const room = `flood${i % 50}`;
      outcome = (await store.append(message(TEXT, { room, user: `g${i % 50}`, guest: GUEST }))).outcome;
    }
    expect(outcome).toBe("storage-full");
    await waitFor(async () => (await lengthsOf(redis, prefix, ["flood49"]))[0] === 1, "room is made");
    await waitFor(
      async () => (await store.append(message(TEXT, { room: "site" }))).outcome === "stored",
      "there is room again",
    );
    expect((await lengthsOf(redis, prefix, ["site"]))[0]).toBeGreaterThan(60);
  });
});

it("a Redis that does not tell how full it is makes room also for a message that it refused during a round", async () => {
  const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
  await redis.cli("ACL", "SETUSER", "default", "-info");
  const { log: store, prefix } = await open({ redis, times: EAGER });
  await fill(store, "flood", 20, "g-flood");
  await listed(redis, prefix, 1);
  const { forget } = RoomIndex.prototype;
  let refused: string | undefined;
  const spy = vi.spyOn(RoomIndex.prototype, "forget");
  afterwards(() => spy.mockRestore());
  spy.mockImplementation(async function (this: RoomIndex, ...args) {
    if (refused === undefined) {
      refused = "";
      await redis.cli("CONFIG", "SET", "maxmemory", "1");
      refused = (await store.append(message("x", { room: "flood" }))).outcome;
      await redis.cli("CONFIG", "SET", "maxmemory", "0");
    }
    return forget.apply(this, args);
  });
  await waitFor(async () => (await lengthsOf(redis, prefix, ["flood"]))[0] === 1, "room is made");
  expect(refused).toBe("storage-full");
});

describe("a Redis that is nearly full of what cannot be removed", () => {
  /** A stream beside another program's data, with a guest who wrote in the lobby before. */
  async function crowded() {
    const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const { log: store, prefix } = await open({ redis, times: WATCHING });
    await redis.cli("SET", `${prefix}housekeeper`, "another process");
    await storeMessage(store, "first", { user: "g-there", key: "k", guest: GUEST });
    await redis.cli("EVAL", "redis.call('SET', 'others', string.rep('x', ARGV[1]))", "0", String(16 * MB));
    return { redis, log: store };
  }

  async function refusalsOf(store: RedisStore, share: string): Promise<unknown[]> {
    const attempt = async (room: string, user: string, guest?: { network: string }) => {
      const rest = guest === undefined ? {} : { guest };
      const key = `${share}-${user}`;
      const appended = await store.append(message("x", { room, user, key, ...rest }));
      return appended.outcome === "storage-full" ? appended.limit : appended.outcome;
    };
    return [
      await attempt(`guests-${share}`, "g-there", GUEST),
      await attempt("lobby", `g-new-${share}`, GUEST),
      await attempt(`sites-${share}`, "s-1"),
      await attempt("lobby", "g-there", GUEST),
    ];
  }

  it("takes no new rooms of guests, then no new guests, then no new rooms; guests who were there go on", async () => {
    const { redis, log: store } = await crowded();
    const stored = "stored";
    expect(await refusalsOf(store, "roomy")).toEqual([stored, stored, stored, stored]);
    for (const [share, refusals] of [
      [0.87, ["memory-rooms", stored, stored, stored]],
      [0.92, ["memory-rooms", "memory-writers", stored, stored]],
      [0.97, ["memory-rooms", "memory-writers", "memory-rooms", stored]],
    ] as const) {
      await use(redis, share);
      await waitFor(async () => {
        const seen = await refusalsOf(store, `${share}-${Math.random()}`);
        return JSON.stringify(seen) === JSON.stringify(refusals);
      }, `what is refused at ${share}`);
    }
    const again = await store.append(message("first", { user: "g-there", key: "k", guest: GUEST }));
    expect(again.outcome).toBe("duplicate");
  });
});

describe("a Redis that is full", () => {
  it.each(["lobby", ALL_ROOMS])(
    "still takes access rules, which shut users out while nothing can be said (%s)",
    async (room) => {
      const redis = await ownRedis({ args: ["--maxmemory-policy", "noeviction"] });
      const { log: store, prefix } = await open({ redis, times: WATCHING });
      const { log: other } = await open({ redis, times: WATCHING, prefix });
      await storeMessage(store, "before");
      await redis.cli("CONFIG", "SET", "maxmemory", "1");
      expect(await store.append(message("no"))).toMatchObject({ outcome: "storage-full" });
      for (const [subject, right] of [
        ["ann", "none"],
        ["ben", "read"],
        ["*", "read"],
        ["ann", undefined],
      ] as const)
        expect(await store.changeAccess(room, change({ subject, right }))).toMatchObject({
          outcome: "stored",
        });
      const signOut = change({ subject: signOutSubject("s-ann"), right: "moderate" });
      expect(await store.changeAccess(ALL_ROOMS, signOut)).toMatchObject({ outcome: "stored" });
      await redis.cli("CONFIG", "SET", "maxmemory", "0");
      for (const user of ["ann", "ben"])
        expect(await other.append(message("no", { user }))).toEqual({ outcome: "forbidden", right: "read" });
      expect(await other.accessRulesOf(room, ["ann", "ben", "*"])).toMatchObject([
        undefined,
        { right: "read" },
        { right: "read" },
      ]);
    },
  );
});

describe("a room whose messages are gone", () => {
  it("keeps its access rules, which hold for everything that is said after", async () => {
    const redis = await ownRedis();
    const { log: store, prefix } = await open({ redis });
    await store.changeAccess("lobby", change());
    await redis.cli("DEL", `${prefix}{lobby}:log`);
    for (const text of ["first", "second"]) await storeMessage(store, text, { user: "ben" });
    for (let n = 0; n < 3; n += 1)
      expect(await store.append(message("no"))).toEqual({ outcome: "forbidden", right: "none" });
  });
});
