import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { MINI_PLAN, RedisAddon, type RedisPlan } from "../kit/platform/redis-addon.ts";
import { makeCertificates } from "../kit/servers/certificates.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { isLive, make, open } from "./open-redis-store.ts";
import {
  ALL,
  message,
  NO_HOUSEKEEPING,
  RecordingListener,
  storeMessage,
  subscribe,
  textsOf,
} from "./open-store.ts";

async function ownAddon(plan?: RedisPlan): Promise<RedisAddon> {
  const addon = await RedisAddon.provision(plan);
  afterwards(() => addon.destroy());
  return addon;
}

/** A connection of no program, which sends nothing by itself. */
function idleClient(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => null, tls: { rejectUnauthorized: false } });
  redis.on("error", () => undefined);
  afterwards(() => redis.disconnect());
  return redis;
}

describe("the certificate of the add-on's Redis", () => {
  it("is accepted by its authority or by the setting, and otherwise not", async () => {
    const addon = await ownAddon();
    const { log: trusting } = await open({ url: addon.url, ca: await addon.ca(), prefix: "tls:" });
    await storeMessage(trusting, "by its authority");
    const { log: careless } = await open({ url: addon.url, tlsVerify: false, prefix: "tls:" });
    expect(await textsOf(careless)).toEqual(["by its authority"]);

    const others = await makeCertificates();
    afterwards(() => others.remove());
    for (const ca of [undefined, await readFile(others.ca, "utf8")]) {
      const { log: strict } = make({ url: addon.url, ...(ca === undefined ? {} : { ca }) });
      const listener = new RecordingListener();
      strict.start(listener);
      await waitFor(() => listener.states.includes("down"), "down");
      expect(listener.states).not.toContain("live");
      expect(listener.statuses.find(({ state }) => state === "down")?.reason).toMatch(/certificate/);
    }
  });
});

describe("a password that is rotated", () => {
  it("works beside the one before, until that is retired; who restarts with the new one goes on", async () => {
    const addon = await ownAddon();
    const settings = { tlsVerify: false, prefix: "rotated:" };
    const { log: old, listener } = await open({ ...settings, url: addon.url });
    await subscribe(old, "lobby");
    await storeMessage(old, "before");

    const { url, retire } = await addon.rotate();
    const { log: restarted } = await open({ ...settings, url });
    await storeMessage(restarted, "said with the new one");
    await waitFor(() => listener.texts("lobby").length === 2, "who has the old one is told");
    await storeMessage(old, "said with the old one");

    await retire();
    for (const type of ["normal", "pubsub"]) await addon.cli("CLIENT", "KILL", "TYPE", type);
    await waitFor(
      () =>
        listener.statuses.at(-1)?.reason ===
        "Redis refuses the user or the password of its URL; correct them",
      "shut out",
    );
    await isLive(restarted);
    await storeMessage(restarted, "after");
    expect(await textsOf(restarted)).toEqual([
      "before",
      "said with the new one",
      "said with the old one",
      "after",
    ]);
  });
});

describe("a server that closes idle connections", () => {
  it("closes none of a process that is silent, because of its round trips", async () => {
    const addon = await ownAddon({ ...MINI_PLAN, timeout: "5" });
    const settings = { url: addon.url, tlsVerify: false, minReplicas: 0 };
    const { log: store, listener } = await open({ ...settings, times: { probeEveryMs: 500 } });
    const before = await connectionsOf(addon);
    expect(before).toHaveLength(2);
    // A client's silence measures the time: clients that connected before it have been silent for longer.
    for (let round = 0; round < 2; round += 1) {
      const idle = idleClient(addon.url);
      await once(idle, "ready");
      await once(idle, "end");
    }
    expect(await connectionsOf(addon)).toEqual(before);
    expect(listener.states.filter((state) => state === "down")).toEqual([]);
    expect(store.status.state).toBe("live");
  });
});

describe("a plan of twenty connections", () => {
  it("takes nine processes; a tenth waits for a place, and the others notice nothing", async () => {
    const addon = await ownAddon();
    const settings = { url: addon.url, tlsVerify: false, prefix: "crowded:" };
    const opened = await Promise.all(Array.from({ length: 9 }, () => open(settings)));
    expect(await connectionsOf(addon)).toHaveLength(18);
    const idleClients: Redis[] = [];
    // One after the other: the client that asked for the list may not have gone yet.
    while (idleClients.length < 2) {
      const next = idleClient(addon.url);
      await once(next, "ready");
      idleClients.push(next);
    }

    const { log: tenth } = make(settings);
    const listener = new RecordingListener();
    tenth.start(listener);
    await waitFor(() => listener.states.filter((state) => state === "down").length >= 2, "it tries again");
    expect(listener.states).not.toContain("live");
    for (const [n, { log: store }] of opened.entries()) await storeMessage(store, `process ${n} goes on`);
    for (const { listener: other } of opened) expect(other.states).not.toContain("down");

    for (const redis of idleClients) redis.disconnect();
    await isLive(tenth);
    expect(await textsOf(tenth)).toHaveLength(9);
  });
});

describe("a plan whose memory is full", () => {
  it("evicts nothing: messages are refused, everything else goes on, and space that is made is used", async () => {
    const addon = await ownAddon({ ...MINI_PLAN, maxmemory: "4mb" });
    const { log: store } = await open({ url: addon.url, tlsVerify: false, times: NO_HOUSEKEEPING });
    const text = "x".repeat(20_000);
    let stored = 0;
    await waitFor(
      async () => {
        const { outcome } = await store.append(message(text));
        if (outcome === "stored") stored += 1;
        return outcome === "storage-full";
      },
      "full",
      20_000,
    );
    expect(stored).toBeGreaterThan(0);
    expect(store.status.state).toBe("live");
    expect(await store.readFrom("lobby", "0-0", ALL)).toHaveLength(stored);
    await addon.cli("CONFIG", "SET", "maxmemory", "25mb");
    await storeMessage(store, "there is space again");
  });
});

/** Ids of the connections that are the program's own. */
async function connectionsOf(addon: RedisAddon): Promise<readonly string[]> {
  const list = await addon.cli("CLIENT", "LIST");
  return list
    .split("\n")
    .filter((line) => line.includes("name=dynochat:"))
    .map((line) => /^id=(\d+)/.exec(line)?.[1] ?? line)
    .sort();
}
