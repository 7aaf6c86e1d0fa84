import { beforeAll, describe, expect, it } from "vitest";
import { BEGINNING, compareIds } from "../../src/protocol/ids.ts";
import type { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { ALL, message, NO_HOUSEKEEPING, storeMessage, subscribe, textsOf } from "./open-store.ts";

async function commandsOf(redis: TestRedis): Promise<Map<string, number>> {
  const stats = await redis.cli("INFO", "commandstats");
  return new Map(
    [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name!, Number(calls)]),
  );
}

describe("the store in Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await ownRedis();
  });

  it("holds exactly two connections, named for what they do", async () => {
    const { log: store, prefix } = await open({ redis });
    for (let i = 0; i < 50; i += 1) await subscribe(store, `room${i}`);
    await storeMessage(store, "one");
    const clients = await redis.cli("CLIENT", "LIST");
    const names = [...clients.matchAll(/ name=(\S*)/g)].map(([, name]) => name).filter((name) => name !== "");
    expect(names.sort()).toEqual(["dynochat:subscriber", "dynochat:writer"]);
    expect(await redis.cli("PUBSUB", "NUMSUB", `${prefix}{room0}:live`)).toMatch(/\n1$/);
  });

  it("puts its prefix before every key and channel, and the room as hash tag into the room's", async () => {
    const limits = { messagesPerSecond: 1_000, messageBurst: 1_000 };
    const { log: store, prefix } = await open({ redis, limits, times: NO_HOUSEKEEPING });
    await subscribe(store, "lobby");
    for (let i = 0; i < 200; i += 1) await storeMessage(store, `${i}`, { key: `k${i}` });
    await store.enter("lobby", { id: "ann", handle: "Ann" });
    await store.shared("secret", "x");
    const keys = (await redis.cli("KEYS", `${prefix}*`)).split("\n").sort();
    expect(keys).toEqual(
      [
        `${prefix}knows`,
        `${prefix}lease:${store.instance}`,
        `${prefix}shared:publications`,
        `${prefix}shared:secret`,
        `${prefix}{lobby}:log`,
        `${prefix}{lobby}:sent:older:ann`,
        `${prefix}{lobby}:sent:younger:ann`,
        `${prefix}{lobby}:who`,
      ].sort(),
    );
    const all = (await redis.cli("KEYS", "*")).split("\n");
    expect(all.filter((key) => !/^test-\d+:/.test(key))).toEqual([]);
    const channels = (await redis.cli("PUBSUB", "CHANNELS")).split("\n");
    expect(channels).toContain(`${prefix}{lobby}:live`);
    expect(channels.filter((channel) => !/^test-\d+:/.test(channel))).toEqual([]);
  });

  it("lists a room that another process made, also long before the next round of history trimming", async () => {
    const prefix = "listed:";
    const times = { trimMs: 3_600_000 };
    const one = await open({ redis, prefix, times });
    const other = await open({ redis, prefix, times });
    const id = await storeMessage(one.log, "hello", { room: "new-room" });
    await waitFor(async () => (await other.log.recentRooms(5)).length > 0, "it is listed");
    expect(await other.log.recentRooms(5)).toEqual([{ room: "new-room", head: id }]);
  });

  it("leaves nothing of a room for ever: every key has an expiry", async () => {
    const limits = { messagesPerSecond: 1_000, messageBurst: 1_000 };
    const { log: store, prefix } = await open({ redis, limits, times: NO_HOUSEKEEPING });
    for (let i = 0; i < 200; i += 1) await storeMessage(store, `${i}`, { key: `k${i}` });
    await store.enter("lobby", { id: "ann", handle: "Ann" });
    const keys = (await redis.cli("KEYS", `${prefix}[^s]*`)).split("\n");
    expect(keys).toHaveLength(6);
    for (const key of keys) expect(Number(await redis.cli("PTTL", key)), key).toBeGreaterThan(0);
  });

  it("costs one script and one round trip a message", async () => {
    const { log: store } = await open({ redis, times: NO_HOUSEKEEPING });
    await storeMessage(store, "warm");
    const before = await commandsOf(redis);
    for (let i = 0; i < 20; i += 1) await storeMessage(store, `${i}`, { key: `k${i}` });
    const after = await commandsOf(redis);
    const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(grown("evalsha")).toBe(20);
    expect(grown("eval")).toBe(0);
    expect(grown("xadd")).toBe(20);
    // The rest of what a message costs is inside the script; a probe may fall into these milliseconds.
    expect(grown("publish")).toBeLessThanOrEqual(21);
  });

  it("goes on when the server forgets its scripts in the middle, without reordering a sender", async () => {
    const { log: store, logger } = await open({ redis });
    const senders = Array.from({ length: 5 }, async (_, user) => {
      for (let i = 0; i < 40; i += 1) {
        if (i % 10 === 5) await redis.cli("SCRIPT", "FLUSH");
        await storeMessage(store, `${user}:${i}`, { user: `user${user}` });
      }
    });
    await Promise.all(senders);
    const texts = await textsOf(store);
    for (let user = 0; user < 5; user += 1) {
      const own = texts.filter((text) => text.startsWith(`${user}:`));
      expect(own).toEqual(Array.from({ length: 40 }, (_, i) => `${user}:${i}`));
    }
    expect(logger.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  it("keeps one sender's order where the script is forgotten among messages that do not wait for each other", async () => {
    const { log: store, logger } = await open({ redis });
    const senders = Array.from({ length: 5 }, (_, user) =>
      Array.from({ length: 100 }, (_, i) => storeMessage(store, `${user}:${i}`, { user: `user${user}` })),
    );
    await redis.cli("SCRIPT", "FLUSH");
    for (let round = 1; round < 5; round += 1) {
      const more = senders.map((_, user) =>
        Array.from({ length: 100 }, (_, i) =>
          storeMessage(store, `${user}:${round * 100 + i}`, { user: `user${user}` }),
        ),
      );
      const flushed = redis.cli("SCRIPT", "FLUSH");
      await Promise.all([flushed, ...more.flat()]);
    }
    await Promise.all(senders.flat());
    const texts = await textsOf(store);
    for (let user = 0; user < 5; user += 1) {
      const own = texts.filter((text) => text.startsWith(`${user}:`));
      expect(own).toEqual(Array.from({ length: 500 }, (_, i) => `${user}:${i}`));
    }
    expect(logger.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  it("skips entries that are no messages, counts them in the store, and serves the others", async () => {
    const { log: store, logger, prefix } = await open({ redis });
    const key = `${prefix}{lobby}:log`;
    await storeMessage(store, "before");
    await redis.cli("XADD", key, "*", "foo", "bar");
    await redis.cli("XADD", key, "*", "p", "not-an-id", "b", '"type":"message"}');
    await redis.cli("XADD", key, "*", "p", "0-0", "b", "not a body");
    await redis.cli("XADD", key, "*", "p", "0-0");
    const head = (await store.heads(["lobby"]))[0]!;
    const after = await storeMessage(store, "after");
    expect(await textsOf(store)).toEqual(["before", "after"]);
    expect((await store.readBefore("lobby", undefined, { ...ALL, entries: 1 })).map(({ id }) => id)).toEqual([
      after,
    ]);
    expect((await store.readFrom("lobby", after, ALL))[0]?.prev).toBe(head);
    const warning = logger.lines.find(({ sentence }) => sentence.includes("not messages"));
    expect(warning?.fields).toEqual({ count: 4 });
  });

  it("takes a key of another kind for an empty log that cannot be written, and says so once", async () => {
    const { log: store, logger, prefix } = await open({ redis });
    await redis.cli("SET", `${prefix}{lobby}:log`, "a client's");
    const attic = await storeMessage(store, "elsewhere", { room: "attic" });
    for (let i = 0; i < 5; i += 1) {
      expect(await store.append(message("one"))).toEqual({ outcome: "unavailable" });
      expect(await store.readFrom("lobby", BEGINNING, ALL)).toEqual([]);
      expect(await store.heads(["lobby", "attic"])).toEqual([BEGINNING, attic]);
    }
    expect(logger.lines.filter(({ level }) => level === "error")).toHaveLength(2);
    expect(await redis.cli("GET", `${prefix}{lobby}:log`)).toBe("a client's");
    expect(store.status.state).toBe("live");
  });

  it("drops what is older than the days kept when the next hour's first message comes", async () => {
    const { log: store, prefix } = await open({ redis, limits: { historyDays: 1 } });
    const key = `${prefix}{lobby}:log`;
    const hour = 3_600_000;
    const entry = (ms: number) =>
      redis.cli("XADD", key, `${ms}-1`, "p", "0-0", "n", "1", "b", '"type":"message","text":"old"}');
    await entry(Date.now() - 25 * hour);
    await entry(Date.now() - 23 * hour);
    await storeMessage(store, "new");
    expect(await textsOf(store)).toEqual(["old", "new"]);
    const ttl = Number(await redis.cli("PTTL", key));
    expect(ttl).toBeGreaterThan(24 * hour);
    expect(ttl).toBeLessThanOrEqual(25 * hour);
  });

  it("goes on growing its ids after an entry from the future", async () => {
    const { log: store, prefix } = await open({ redis });
    const future = `${Date.now() + 3_600_000}-9007199254740000`;
    await redis.cli(
      "XADD",
      `${prefix}{lobby}:log`,
      future,
      "p",
      "0-0",
      "n",
      "1",
      "b",
      '"type":"message","text":"old"}',
    );
    const ids = [await storeMessage(store, "one"), await storeMessage(store, "two")];
    expect(compareIds(future, ids[0]!)).toBeLessThan(0);
    expect(compareIds(ids[0]!, ids[1]!)).toBeLessThan(0);
    expect((await store.readFrom("lobby", ids[0]!, ALL)).map(({ prev }) => prev)).toEqual([future, ids[0]]);
  });

  it("does not take a key for known that is older than ten minutes", async () => {
    const { log: store, prefix } = await open({ redis });
    const hash = `${prefix}{lobby}:sent:younger:ann`;
    await redis.cli("HSET", hash, "fresh", `${Date.now() - 570_000}-1`, "stale", `${Date.now() - 601_000}-1`);
    expect((await store.append(message("one", { key: "fresh" }))).outcome).toBe("duplicate");
    expect((await store.append(message("two", { key: "stale" }))).outcome).toBe("stored");
  });

  it("lets people speak after the server's clock was set back", async () => {
    const { log: store, prefix } = await open({ redis, limits: { messagesPerSecond: 1, messageBurst: 2 } });
    await redis.cli("HSET", `${prefix}{lobby}:sent:younger:ann`, ".", String(Date.now() + 86_400_000));
    await storeMessage(store, "one");
  });

  describe("with two processes", () => {
    it("shows both one order, own messages included", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      await Promise.all([subscribe(one.log, "lobby"), subscribe(two.log, "lobby")]);
      const send = async (store: RedisStore, user: string) => {
        for (let i = 0; i < 100; i += 1) await storeMessage(store, `${user}${i}`, { user });
      };
      await Promise.all([send(one.log, "ann"), send(two.log, "bob")]);
      const both = () => one.listener.deliveries.length >= 200 && two.listener.deliveries.length >= 200;
      await waitFor(both, "200 deliveries on both");
      const entries = await one.log.readFrom("lobby", BEGINNING, ALL);
      const frames = entries.map(({ frame }) => frame.toString());
      expect(one.listener.texts("lobby")).toEqual(frames);
      expect(two.listener.texts("lobby")).toEqual(frames);
    });

    it("stores a key once that comes to both at the same time", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      for (let i = 0; i < 20; i += 1) {
        const appended = await Promise.all(
          [one, two].map(({ log: store }) => store.append(message("m", { key: `k${i}` }))),
        );
        expect(appended.map(({ outcome }) => outcome).sort()).toEqual(["duplicate", "stored"]);
        expect(new Set(appended.map((one) => "id" in one && one.id)).size).toBe(1);
      }
      expect(await textsOf(one.log)).toHaveLength(20);
    });

    it("counts a person's rate over both", async () => {
      const one = await open({ redis, limits: { messagesPerSecond: 0.1, messageBurst: 4 } });
      const two = await open({
        redis,
        prefix: one.prefix,
        limits: { messagesPerSecond: 0.1, messageBurst: 4 },
      });
      const appended = await Promise.all(
        [one, one, one, two, two, two].map(({ log: store }) => store.append(message("m"))),
      );
      expect(appended.filter(({ outcome }) => outcome === "stored")).toHaveLength(4);
    });

    it("lists the users of both, a user with two connections once", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      const [ann, bob] = [
        { id: "ann", handle: "Ann" },
        { id: "bob", handle: "Bob" },
      ];
      await Promise.all([
        one.log.enter("lobby", ann),
        two.log.enter("lobby", ann),
        two.log.enter("lobby", bob),
      ]);
      for (const [store, here] of [
        [one.log, [ann]],
        [two.log, [ann, bob]],
      ] as const) {
        const present = await store.syncPresence("lobby", here);
        const sorted = present
          .map(({ id, handle, instances }) => ({ id, handle, instances: [...instances].sort() }))
          .sort((a, b) => a.id.localeCompare(b.id));
        expect(sorted).toEqual([
          { ...ann, instances: [one.log.instance, two.log.instance].sort() },
          { ...bob, instances: [two.log.instance] },
        ]);
      }
    });

    it("reports a crowd in a few events, and omits no user", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      await subscribe(two.log, "lobby");
      const crowd = Array.from({ length: 500 }, (_, index) => ({ id: `p${index}`, handle: `P ${index}` }));
      await Promise.all(crowd.map((person) => one.log.enter("lobby", person)));
      await Promise.all(crowd.slice(100).map(({ id }) => one.log.exit("lobby", id)));
      const present = await two.log.syncPresence("lobby", []);
      expect(present.map(({ id }) => id).sort()).toEqual(
        crowd
          .slice(0, 100)
          .map(({ id }) => id)
          .sort(),
      );
      one.log.publishEphemeral("lobby", Buffer.from('{"type":"last"}'));
      const hints = () => two.listener.texts("lobby");
      await waitFor(() => hints().some((text) => text.includes("last")), "the last hint");
      expect(hints().length).toBeGreaterThan(1);
      expect(hints().length).toBeLessThan(20);
    });

    it("shares values", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      const values = await Promise.all([
        one.log.shared("secret", "one's"),
        two.log.shared("secret", "two's"),
      ]);
      expect(values[0]).toBe(values[1]);
    });

    it("takes the people of one that closed off the list at once", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix });
      await two.log.enter("lobby", { id: "bob", handle: "Bob" });
      expect(await one.log.syncPresence("lobby", [])).toHaveLength(1);
      await two.log.close();
      expect(await one.log.syncPresence("lobby", [])).toEqual([]);
      expect(await redis.cli("EXISTS", `${one.prefix}{lobby}:who`)).toBe("0");
    });

    it("takes the people of one that died off the list when its lease has ended, and not before", async () => {
      const one = await open({ redis });
      const two = await open({ redis, prefix: one.prefix, times: { leaseMs: 10_000, leaseRefreshMs: 200 } });
      await two.log.enter("lobby", { id: "bob", handle: "Bob" });
      const lease = `${one.prefix}lease:${two.log.instance}`;
      const left = async (): Promise<number> => Number(await redis.cli("PTTL", lease));
      for (let renewed = 0; renewed < 3; renewed += 1) {
        // Shortened first: what is left right after a renewal is less only right after the next one, which a look may miss.
        await redis.cli("PEXPIRE", lease, "5000");
        await waitFor(async () => (await left()) > 5_000, "the lease is renewed");
      }
      expect(await one.log.syncPresence("lobby", [])).toHaveLength(1);
      // What is left of a killed process: its record, and a lease that is not refreshed.
      const dead = "0123456789abcdef";
      await redis.cli("HSET", `${one.prefix}{lobby}:who`, `${dead}:eve`, "Eve");
      await redis.cli("SET", `${one.prefix}lease:${dead}`, "1", "PX", "60000");
      expect((await one.log.syncPresence("lobby", [])).map(({ id }) => id).sort()).toEqual(["bob", "eve"]);
      await redis.cli("PEXPIRE", `${one.prefix}lease:${dead}`, "50");
      await waitFor(
        async () => (await redis.cli("EXISTS", `${one.prefix}lease:${dead}`)) === "0",
        "the lease ends",
      );
      expect((await one.log.syncPresence("lobby", [])).map(({ id }) => id)).toEqual(["bob"]);
      expect(await redis.cli("HEXISTS", `${one.prefix}{lobby}:who`, `${dead}:eve`)).toBe("0");
      expect(await redis.cli("EXISTS", lease)).toBe("1");
    });
  });
});
