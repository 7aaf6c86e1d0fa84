import { describe, expect, it } from "vitest";
import { BEGINNING } from "../../src/protocol/ids.ts";
import { TIMEOUTS } from "../../src/store/redis/timeouts.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { awakeClock } from "../kit/fakes/awake-clock.ts";
import { freePort } from "../kit/ports.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { isLive, make, open, ownRedis, survives } from "./open-redis-store.ts";
import { ALL, begin, message, RecordingListener, storeMessage, subscribe, textsOf } from "./open-store.ts";

describe("when Redis runs out of memory", () => {
  it("says storage-full, does nothing by halves, and still knows repeated keys and people", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"] });
    const limits = { historyBytes: 1024 * 1024 * 1024, historyMessages: 1_000_000 };
    // Nobody makes room here.
    const times = { trimMs: 1_000_000_000, fullPauseMs: 1_000_000_000 };
    const { log: store, listener, prefix, logger } = await open({ redis, limits, times });
    await subscribe(store, "lobby");
    const first = await storeMessage(store, "first", { key: "first" });
    let stored = 1;
    let outcome = "stored";
    for (let i = 0; outcome === "stored" && i < 10_000; i += 1) {
      ({ outcome } = await store.append(message("x".repeat(2_000), { key: `k${i}` })));
      if (outcome === "stored") stored += 1;
    }
    expect(outcome).toBe("storage-full");
    const length = await redis.cli("XLEN", `${prefix}{lobby}:log`);
    expect(Number(length)).toBe(stored);
    // A smaller message might still fit just below the limit; not any more.
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    // Neither the key nor the credit of a new sender, nor a delivery, remains of what was refused.
    expect(await store.append(message("refused", { user: "bob", key: "b" }))).toEqual({
      outcome: "storage-full",
    });
    expect(await redis.cli("EXISTS", `${prefix}{lobby}:sent:younger:bob`)).toBe("0");
    expect(await redis.cli("XLEN", `${prefix}{lobby}:log`)).toBe(length);
    const known = await store.append(message("last again", { key: `k${stored - 2}` }));
    expect(known.outcome).toBe("duplicate");
    expect((await textsOf(store))[0]).toBe("first");
    expect(await store.heads(["lobby"])).not.toEqual([first]);
    await waitFor(() => listener.deliveries.length >= stored, "all deliveries");
    expect(listener.deliveries).toHaveLength(stored);
    expect(await store.syncPresence("lobby", [{ id: "ann", handle: "Ann" }])).toHaveLength(1);
    expect(store.status.state).toBe("live");
    expect(logger.lines.filter(({ level }) => level === "error")).toEqual([]);
    // Space again: it goes on by itself.
    await redis.cli("CONFIG", "SET", "maxmemory", "30mb");
    await storeMessage(store, "after", { user: "bob", key: "b" });
  });

  it("starts, and is counted as living, also while there is none", async () => {
    const redis = await ownRedis();
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    const { log: store, prefix } = await open({ redis });
    expect(await store.append(message("one"))).toMatchObject({ outcome: "storage-full" });
    expect(await redis.cli("EXISTS", `${prefix}lease:${store.instance}`)).toBe("1");
  });
});

describe("when Redis goes away", () => {
  it("comes back by itself after a restart: subscribed, caught up, then live", async () => {
    const redis = await ownRedis();
    const { log: store, listener, logger } = await open({ redis });
    await subscribe(store, "lobby");
    await subscribe(store, "attic");
    await subscribe(store, "cellar");
    await store.unsubscribe("cellar");
    await storeMessage(store, "before");
    listener.statuses.length = 0;
    await redis.kill();
    await waitFor(() => store.status.state !== "live", "the loss is noticed");
    expect(await store.append(message("away"))).toEqual({ outcome: "unavailable" });
    await expect(store.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(StoreUnavailable);
    await expect(subscribe(store, "new")).rejects.toThrow(StoreUnavailable);
    const read: string[][] = [];
    listener.whenCatchingUp = async () => {
      read.push(await store.heads(["lobby"]));
    };
    await redis.restart();
    await isLive(store);
    expect(read).toEqual([[BEGINNING]]);
    expect(listener.states[0]).toBe("down");
    expect(listener.states.slice(-3)).toEqual(["subscribing", "catching-up", "live"]);
    const channels = await redis.cli("PUBSUB", "CHANNELS", "*{*");
    expect(channels.match(/\{\w+\}/g)?.sort()).toEqual(["{attic}", "{lobby}"]);
    const seen = listener.deliveries.length;
    await storeMessage(store, "after", { room: "attic" });
    await waitFor(() => listener.deliveries.length === seen + 1, "the delivery");
    // One line for the loss however many attempts it took.
    expect(logger.lines.filter(({ level }) => level === "warn").length).toBeLessThanOrEqual(3);
  });

  it("starts over when catching up fails", async () => {
    const redis = await ownRedis();
    const { log: store } = make({ redis });
    const listener = new RecordingListener();
    listener.whenCatchingUp = async () => {
      if (listener.catchUps < 3) throw new StoreUnavailable("not yet");
    };
    await begin(store, listener);
    expect(listener.catchUps).toBe(3);
    expect(listener.states.filter((state) => state === "down")).toHaveLength(2);
    expect(listener.states.indexOf("live")).toBe(listener.states.length - 1);
  });

  it("starts over when catching up takes too long", async () => {
    const redis = await ownRedis();
    const { log: store } = make({ redis, times: { catchUpMs: 200 } });
    const listener = new RecordingListener();
    listener.whenCatchingUp = () => (listener.catchUps === 1 ? new Promise(() => {}) : Promise.resolve());
    await begin(store, listener);
    expect(listener.catchUps).toBe(2);
  });

  it("subscribes a great many rooms again", async () => {
    const redis = await ownRedis();
    const { log: store, listener } = await open({ redis });
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => subscribe(store, `room${i}`)));
    await survives(store, listener, () => redis.cli("CLIENT", "KILL", "TYPE", "pubsub"));
    expect((await redis.cli("PUBSUB", "CHANNELS", "*{room*")).split("\n")).toHaveLength(1_000);
    await waitFor(
      async () => (await redis.cli("CLIENT", "LIST")).match(/name=dynochat:/g)?.length === 2,
      "the connections before have gone",
    );
  });

  it("gives both connections up when one of them ends", async () => {
    const redis = await ownRedis();
    const { log: store, listener } = await open({ redis });
    const idsOf = async () => {
      const clients = await redis.cli("CLIENT", "LIST");
      return [...clients.matchAll(/^id=(\d+) .*name=dynochat:/gm)].map(([, id]) => id!);
    };
    const before = await idsOf();
    await survives(store, listener, () => redis.cli("CLIENT", "KILL", "ID", before[0]!));
    await waitFor(
      async () => !(await idsOf()).some((id) => before.includes(id)),
      "the connections before have gone",
    );
    expect(await idsOf()).toHaveLength(2);
  });

  it("notices a frozen server within 8 s, answers within 2 s meanwhile, and nothing is stored late after it wakes", {
    timeout: 40_000,
  }, async () => {
    const redis = await ownRedis();
    const { log: store, listener } = await open({ redis, times: TIMEOUTS });
    await subscribe(store, "lobby");
    await storeMessage(store, "before");
    redis.freeze();
    afterwards(() => redis.thaw());
    const clock = awakeClock();
    const frozen = performance.now();
    const answers: { readonly outcome: string; readonly ms: number }[] = [];
    const send = async (i: number) => {
      const called = clock.now();
      const { outcome } = await store.append(message(`frozen ${i}`, { key: `f${i}` }));
      answers.push({ outcome, ms: clock.now() - called });
    };
    const sending: Promise<void>[] = [];
    let sent = 0;
    await waitFor(
      () => {
        if (performance.now() - frozen > sent * 100) {
          sent += 1;
          sending.push(send(sent));
        }
        return store.status.state !== "live";
      },
      "the freeze is noticed",
      20_000,
    );
    expect(clock.now()).toBeLessThan(8_000);
    await Promise.all(sending);
    expect(answers.length).toBe(sent);
    expect(answers.filter(({ outcome }) => outcome !== "unavailable")).toEqual([]);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(2_000);
    await waitFor(() => performance.now() - frozen > 5_000, "every append's deadline has passed");
    redis.thaw();
    await isLive(store);
    await storeMessage(store, "after");
    expect(await textsOf(store)).toEqual(["before", "after"]);
    expect(listener.states).toContain("down");
  });

  it("notices a freeze by itself, without anybody sending", { timeout: 40_000 }, async () => {
    const redis = await ownRedis();
    const { log: store } = await open({ redis, times: TIMEOUTS });
    redis.freeze();
    afterwards(() => redis.thaw());
    const clock = awakeClock();
    await waitFor(() => store.status.state !== "live", "the freeze is noticed", 20_000);
    expect(clock.now()).toBeLessThan(8_000);
    await expect(store.readFrom("lobby", BEGINNING, ALL)).rejects.toThrow(StoreUnavailable);
    redis.thaw();
    await isLive(store);
  });

  it("stores what it can still store in time after a short freeze, once each and in order", async () => {
    const redis = await ownRedis();
    const { log: store } = await open({ redis });
    await storeMessage(store, "before");
    redis.freeze();
    afterwards(() => redis.thaw());
    const appending = Promise.all(
      Array.from({ length: 10 }, (_, i) => store.append(message(`${i}`, { key: `k${i}` }))),
    );
    const asked = performance.now();
    await waitFor(() => performance.now() - asked > 500, "half a second passes");
    redis.thaw();
    const outcomes = await appending;
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(10).fill("stored"));
    expect(await textsOf(store)).toEqual(["before", ...Array.from({ length: 10 }, (_, i) => `${i}`)]);
  });

  it("is down while the server is a replica that takes no writes, and live when it is none again", async () => {
    const redis = await ownRedis();
    const { log: store, listener } = await open({ redis });
    const unusedPort = await freePort();
    await redis.cli("REPLICAOF", "127.0.0.1", String(unusedPort));
    expect(await store.append(message("one"))).toEqual({ outcome: "unavailable" });
    await waitFor(() => listener.statuses.some(({ reason }) => /replica/.test(reason)), "the reason is told");
    await redis.cli("REPLICAOF", "NO", "ONE");
    await isLive(store);
    await storeMessage(store, "two");
  });
});
