import { setImmediate as nextTurn } from "node:timers/promises";
import { Redis } from "ioredis";
import { beforeAll, describe, expect, it } from "vitest";
import { ALL_ROOMS } from "../../src/store/access.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { isLive, make, open, ownRedis } from "./open-redis-store.ts";
import { change, message, RecordingListener, storeMessage, textsOf } from "./open-store.ts";

const NEEDS_POLLS = "the stored data needs a later release, one that knows polls; deploy that release again";

describe("a store whose data needs a feature", () => {
  let redis: TestRedis;
  let admin: Redis;
  let prefixes = 0;

  beforeAll(async () => {
    redis = await ownRedis();
    admin = new Redis(redis.url);
    afterwards(() => admin.disconnect());
  });

  function releases() {
    prefixes += 1;
    const prefix = `features-${prefixes}:`;
    const times = { probeEveryMs: 100 };
    return {
      prefix,
      before: { redis, prefix, times, features: ["threads"] },
      after: { redis, prefix, times, features: ["threads", "polls"] },
    };
  }

  it("is not served by a release that does not know the feature, which says so", async () => {
    const { before, after } = releases();
    const { log: later } = await open(after);
    await later.require("polls");
    const { log: older } = make(before);
    older.start(new RecordingListener());
    await waitFor(() => older.status.state === "down", "the older release gives up");
    expect(older.status.reason).toBe(NEEDS_POLLS);
    expect(await older.append(message("too late"))).toEqual({ outcome: "unavailable" });
    const { log: another } = await open(after);
    await storeMessage(another, "from a release that knows it");
    expect(await textsOf(later)).toEqual(["from a release that knows it"]);
  });

  it("does not need it before every living process knows it", async () => {
    const { before, after, prefix } = releases();
    const [{ log: older }, { log: later }] = [await open(before), await open(after)];
    await expect(later.require("polls")).rejects.toThrow(StoreUnavailable);
    expect(await admin.exists(`${prefix}needs`)).toBe(0);
    await storeMessage(older, "the older release goes on");
    await later.require("threads");
    await storeMessage(older, "with what it knows too");
    await older.close();
    await later.require("polls");
    expect(await admin.hkeys(`${prefix}needs`)).toEqual(["threads", "polls"]);
  });

  it("needs to know the rules for all rooms once there is one, and those of a room alone before", async () => {
    const { prefix } = releases();
    const { log: store } = await open({ redis, prefix });
    await store.changeAccess("lobby", change());
    expect(await admin.hkeys(`${prefix}needs`)).toEqual(["access"]);
    await store.changeAccess(ALL_ROOMS, change());
    expect(await admin.hkeys(`${prefix}needs`)).toEqual(["access", "global-access"]);
  });

  it("waits for a process that died as long as it would be present", async () => {
    const { after, prefix } = releases();
    const { log: later } = await open({ ...after, times: { probeEveryMs: 60_000, leaseMs: 2_000 } });
    const seconds = Number((await admin.time())[0]);
    await admin.hset(`${prefix}knows`, "died-lately", `${seconds * 1_000} threads`);
    await expect(later.require("polls")).rejects.toThrow("processes without polls are still running");
    await admin.hset(`${prefix}knows`, "died-lately", `${(seconds - 60) * 1_000} threads`);
    await later.require("polls");
    expect(await admin.hexists(`${prefix}knows`, "died-lately")).toBe(0);
  });

  it("counts a release from before there were features by its report", async () => {
    const { after, prefix } = releases();
    const { log: later } = await open(after);
    const seconds = Number((await admin.time())[0]);
    await admin.hset(`${prefix}processes`, "release-of-old", `${seconds * 1_000} {}`);
    await expect(later.require("polls")).rejects.toThrow(StoreUnavailable);
    await admin.hset(`${prefix}processes`, "release-of-old", `${(seconds - 60) * 1_000} {}`);
    await later.require("polls");
  });

  it("stops being served by a process that finds out while it serves, until the need is gone", async () => {
    const { before, prefix } = releases();
    const { log: older, listener } = await open(before);
    await admin.hset(`${prefix}needs`, "polls", "1");
    await waitFor(() => listener.states.includes("down"), "it stops");
    expect(listener.statuses.find(({ state }) => state === "down")?.reason).toBe(NEEDS_POLLS);
    await admin.del(`${prefix}needs`);
    await isLive(older);
  });

  it("is never served by both where a process comes just when the feature is first needed", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { before, after } = releases();
      const { log: later } = await open({ ...after, times: { probeEveryMs: 60_000 } });
      const { log: older } = make({ ...before, times: { probeEveryMs: 60_000 } });
      older.start(new RecordingListener());
      // Every round meets the other process at another step of its way.
      for (let turn = 0; turn < round * 2; turn += 1) await nextTurn();
      let isNeeded = false;
      const requiring = later.require("polls").then(() => {
        isNeeded = true;
      });
      await requiring.catch(() => undefined);
      await waitFor(() => older.status.state === "live" || older.status.state === "down", "it is decided");
      expect([isNeeded, older.status.state]).toEqual(isNeeded ? [true, "down"] : [false, "live"]);
      await Promise.all([older.close(), later.close()]);
    }
  });

  it("can be made to need it where Redis is full", async () => {
    const full = await ownRedis();
    const control = new Redis(full.url);
    afterwards(() => control.disconnect());
    const { log: later } = await open({ redis: full, features: ["polls"], prefix: "full:" });
    await control.config("SET", "maxmemory-policy", "noeviction");
    await control.config("SET", "maxmemory", "1");
    expect(await later.append(message("does not fit"))).toMatchObject({ outcome: "storage-full" });
    await later.require("polls");
    expect(await control.hkeys("full:needs")).toEqual(["polls"]);
    const { log: another } = make({ redis: full, features: [], prefix: "full:" });
    another.start(new RecordingListener());
    await waitFor(() => another.status.state === "down", "a release without it does not serve");
  });
});
