import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { startReplica } from "../kit/servers/replica.ts";
import { rewritingProxy } from "../kit/servers/rewriting-proxy.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { isLive, make, open, ownRedis, type Setup } from "./open-redis-store.ts";
import { RecordingListener, storeMessage, subscribe, textsOf } from "./open-store.ts";

/** Tries again and looks as often as a test wants to wait. */
const OFTEN = { backoffMinMs: 10, backoffMaxMs: 20, serverCheckMs: 50, probeEveryMs: 50 };

/** A stream that cannot become live, after some attempts. */
async function failing(setup: Setup) {
  const { log: store, logger } = make({ ...setup, times: { ...OFTEN, ...setup.times } });
  const listener = new RecordingListener();
  store.start(listener);
  const downs = () => listener.statuses.filter(({ state }) => state === "down");
  await waitFor(() => downs().length >= 8, "eight attempts", 20_000);
  const lines = logger.lines.filter(({ level }) => level === "warn" || level === "error");
  return { log: store, downs: downs(), lines, reason: store.status.reason };
}

/** A server that says, through this proxy, that it is Redis 6.0. */
async function proxyOfOldServer() {
  const redis = await ownRedis();
  const version = /redis_version:(\S+)/.exec(await redis.cli("INFO", "server"))?.[1] ?? "";
  // Of the same length, which the reply gives before it.
  const old = `6.0.${"9".repeat(version.length - 4)}`;
  return rewritingProxy(redis.port, `redis_version:${version}`, `redis_version:${old}`);
}

describe("what a server tells", () => {
  it("is warned of once where it evicts, when it begins to and when it ends", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"] });
    const { log: store, logger } = await open({ redis, times: OFTEN });
    const lines = () =>
      logger.lines.filter(({ fields }) => "event" in fields && fields.event === "redis-server");
    expect(store.warnings).toHaveLength(1);
    expect(store.warnings[0]).toMatch(/allkeys-lru.*noeviction/);
    await redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await waitFor(() => store.warnings.length === 0, "it is over");
    await redis.cli("CONFIG", "SET", "maxmemory-policy", "volatile-ttl");
    await waitFor(() => store.warnings.length === 1, "it begins again");
    expect(lines().map(({ level }) => level)).toEqual(["warn", "info", "warn"]);
  });

  it("is warned of where it cannot save its data", async () => {
    // Nobody can make a file there, root included.
    const redis = await ownRedis({ args: ["--dir", "/proc", "--stop-writes-on-bgsave-error", "no"] });
    const { log: store } = await open({ redis, times: OFTEN });
    expect(store.warnings).toEqual([]);
    await redis.cli("BGSAVE");
    await waitFor(() => store.warnings.length === 1, "it is known");
    expect(store.warnings[0]).toMatch(/cannot save its data to disk/);
  });

  it("keeps messages out of a server that is too old: the store says that it cannot be used", async () => {
    const proxy = await proxyOfOldServer();
    const { downs, lines, reason } = await failing({ url: `redis://127.0.0.1:${proxy.port}` });
    expect(downs[0]).toMatchObject({ unusable: true, reason });
    expect(reason).toMatch(/^Redis 6\.0\.9+ is too old; upgrade it to 6\.2 or newer$/);
    expect(lines).toHaveLength(1);
  });

  it("loses a stream to an older server only for as long as it is there", async () => {
    const proxy = await proxyOfOldServer();
    proxy.active = false;
    const { log: store, listener } = await open({ url: `redis://127.0.0.1:${proxy.port}`, times: OFTEN });
    proxy.active = true;
    await waitFor(() => store.status.reason.includes("too old"), "the older one is noticed");
    expect(listener.statuses.filter(({ unusable }) => unusable)).toEqual([]);
    proxy.active = false;
    await isLive(store);
    await storeMessage(store, "hello");
    expect(await textsOf(store)).toEqual(["hello"]);
  });

  it("keeps messages out of a node of a cluster", async () => {
    const redis = await ownRedis({ args: ["--cluster-enabled", "yes"] });
    const { lines, reason } = await failing({ redis });
    // A node without slots refuses commands for another reason, which names the cluster too.
    expect(reason).toMatch(/use a server without cluster mode$/);
    expect(lines).toHaveLength(1);
  });

  it("keeps messages out of a replica", async () => {
    const replica = await startReplica(await ownRedis());
    const { lines, reason } = await failing({ redis: replica });
    expect(reason).toBe("Redis is a read-only replica; connect to its master");
    expect(lines).toHaveLength(1);
  });

  it("is reported with what helps, once per reason, if it accepts no connections", async () => {
    const redis = await ownRedis();
    const { lines, reason } = await failing({ redis, url: `${redis.url}/99` });
    expect(reason).toBe("Redis has no database of that number; change the number in its URL");
    expect(lines).toHaveLength(1);
  });

  it("is said where it has no connection left, and the store comes back when it has", async () => {
    const redis = await ownRedis();
    const others = [1, 2, 3].map(() => new Redis(redis.url));
    afterwards(() => {
      for (const other of others) other.disconnect();
    });
    await Promise.all(others.map((other) => other.ping()));
    await others[0]?.config("SET", "maxclients", 4);
    const { log: store, lines } = await failing({ redis });
    const reasons = lines.map(({ fields }) => ("reason" in fields ? fields.reason : ""));
    expect(reasons.some((reason) => /maxclients/.test(String(reason)))).toBe(true);
    expect(new Set(reasons).size).toBe(reasons.length);
    expect(reasons.length).toBeLessThanOrEqual(2);
    await others[0]?.config("SET", "maxclients", 100);
    await isLive(store);
  });
});

describe("a user of Redis", () => {
  async function withUser(...rights: string[]) {
    const redis = await ownRedis();
    await redis.cli("ACL", "SETUSER", "chat", "on", ">secret", ...rights);
    return { redis, url: `redis://chat:secret@127.0.0.1:${redis.port}` };
  }

  it("needs no more than its commands, its keys and its channels", async () => {
    const { redis, url } = await withUser("+@all", "-@admin", "-@dangerous", "+info", "~chat:*", "&chat:*");
    const { log: store, logger, listener } = await open({ redis, url, prefix: "chat:", times: OFTEN });
    await subscribe(store, "lobby");
    await storeMessage(store, "hello", { key: "k" });
    await waitFor(() => listener.texts("lobby").length === 1, "it arrives");
    expect(store.warnings).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  it("who may not ask INFO has a warning, and messages all the same", async () => {
    const { redis, url } = await withUser("+@all", "-info", "~*", "&*");
    const { log: store, logger } = await open({ redis, url, times: { ...OFTEN, trimMs: 20 } });
    await storeMessage(store, "hello");
    await store.reportProcess("one");
    await store.reportProcess("two");
    expect(store.warnings).toEqual([expect.stringMatching(/command info; allow it in its ACL \(\+info\)/)]);
    expect(logger.lines.filter(({ level }) => level === "warn" || level === "error")).toHaveLength(1);
  });

  it.each([
    ["channels", ["+@all", "~*", "resetchannels"], /channels; allow them in its ACL/],
    ["keys", ["+@all", "resetkeys", "&*"], /keys; allow them in its ACL/],
    ["other keys only", ["+@all", "~other:*", "&*"], /keys; allow them in its ACL/],
    [
      "XADD",
      ["+@all", "-xadd", "-hset", "~*", "&*"],
      /^Redis forbids this user xadd, hset; allow it in its ACL$/,
    ],
    ["PUBLISH", ["+@all", "-publish", "~*", "&*"], /publish; allow it in its ACL/],
    ["EVALSHA", ["+@all", "-evalsha", "~*", "&*"], /command evalsha; allow it in its ACL/],
    ["SUBSCRIBE", ["+@all", "-subscribe", "~*", "&*"], /command subscribe; allow it in its ACL/],
  ])("who may not use %s is told so, once", async (_what, rights, words) => {
    const { redis, url } = await withUser(...rights);
    const { lines, reason } = await failing({ redis, url });
    expect(reason).toMatch(words);
    expect(lines).toHaveLength(1);
  });

  it("meets a renamed command", async () => {
    const redis = await ownRedis({
      args: ["--rename-command", "XADD", "", "--rename-command", "INFO", "hidden"],
    });
    const { lines, reason } = await failing({ redis });
    expect(reason).toMatch(/xadd/);
    expect(lines.map(({ sentence }) => sentence).filter((text) => text.includes("info"))).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });
});
