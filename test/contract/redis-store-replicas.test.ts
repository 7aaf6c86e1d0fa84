import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { expectSameServer } from "../../src/store/redis/node/replica-acks.ts";
import type { RedisStore } from "../../src/store/redis/redis-store.ts";
import { TIMEOUTS } from "../../src/store/redis/timeouts.ts";
import { awakeClock } from "../kit/fakes/awake-clock.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { promote, startReplica } from "../kit/servers/replica.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { isLive, open, ownRedis, survives } from "./open-redis-store.ts";
import { message, storeMessage, subscribe, textsOf } from "./open-store.ts";

async function ownPair() {
  const master = await ownRedis();
  const replica = await startReplica(master);
  return { master, replica };
}

/** What people were told of their messages. */
interface Told {
  readonly acked: string[];
  refused: number;
}

/** Sends one message after the other until `over`; a refused one again under its key until it is answered with an id. */
async function talk(store: RedisStore, user: string, over: () => boolean, told: Told): Promise<void> {
  for (let i = 0; !over(); i += 1) {
    const text = `${user}:${i}`;
    await waitFor(
      async () => {
        const appended = await store.append(message(text, { user, key: `k${i}` }));
        if (!("id" in appended)) told.refused += 1;
        return "id" in appended;
      },
      `${text} is acknowledged`,
      20_000,
    );
    told.acked.push(text);
  }
}

describe("with replicas to wait for", () => {
  it("an acknowledged message survives a master that is cut off from its replica and then killed, and is there once", {
    timeout: 60_000,
  }, async () => {
    const master = await ownRedis();
    const [clientsDoor, replicaDoor] = [await openDoorway(), await openDoorway()];
    for (const door of [clientsDoor, replicaDoor]) door.leadTo(master.port);
    const replica = await startReplica(master, replicaDoor.port);
    const url = `redis://localhost:${clientsDoor.port}`;
    const { log: store } = await open({ redis: master, url, minReplicas: 1, times: TIMEOUTS });
    const told: Told = { acked: [], refused: 0 };
    let over = false;
    const talks = Array.from({ length: 10 }, (_, i) => talk(store, `user${i}`, () => over, told));
    await waitFor(() => told.acked.length > 200, "some are acknowledged");
    // In the middle: what is under way to the replica is cut off, and what comes now the master has alone.
    replicaDoor.shut();
    await waitFor(() => told.refused >= 10, "their senders are refused");
    clientsDoor.shut();
    await master.kill();
    const before = [...told.acked];
    await promote(replica);
    clientsDoor.leadTo(replica.port);
    // The promoted one has no replica yet: nothing it stores is known to be safe.
    await isLive(store);
    expect(await store.append(message("alone", { user: "eve", key: "e" }))).toEqual({
      outcome: "unavailable",
    });
    await startReplica(replica);
    await waitFor(() => told.acked.length > before.length + 200, "it goes on", 20_000);
    over = true;
    await Promise.all(talks);
    const texts = await textsOf(store);
    const counts = new Map<string, number>();
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    expect(before.filter((text) => counts.get(text) !== 1)).toEqual([]);
    expect(told.acked.filter((text) => counts.get(text) !== 1)).toEqual([]);
    for (let user = 0; user < 10; user += 1) {
      const own = texts.filter((text) => text.startsWith(`user${user}:`));
      expect(own).toEqual(own.map((_, i) => `user${user}:${i}`));
    }
  });

  it("a frozen replica turns acks into unavailable within 2 s; showing, reading and other work go on", async () => {
    const { master, replica } = await ownPair();
    // It takes a second to be sure that the replica is behind: what is shown at once comes before, also on a slow machine.
    const times = { ackMs: TIMEOUTS.ackMs, waitMs: 1_000, inStepMs: 1_100, behindMs: 1_100 };
    const { log: store, listener, logger, prefix } = await open({ redis: master, minReplicas: 1, times });
    const clock = awakeClock();
    const without = await open({ redis: master, prefix });
    await subscribe(store, "lobby");
    await subscribe(store, "attic");
    await storeMessage(store, "before");
    replica.freeze();
    afterwards(() => replica.thaw());

    const rounds = 3;
    for (let round = 0; round < rounds; round += 1) {
      const called = clock.now();
      const appends = ["lobby", "attic"].map(async (room) => {
        const { outcome } = await store.append(message(`frozen ${round}`, { room, key: `f${round}` }));
        const wasShown = listener.texts(room).some((text) => text.includes(`"frozen ${round}"`));
        return { outcome, wasShown, inTime: clock.now() - called < 2_000 };
      });
      const refusal = { outcome: "unavailable", wasShown: true, inTime: true };
      expect(await Promise.all(appends)).toEqual([refusal, refusal]);
      expect((await textsOf(store)).at(-1)).toBe(`frozen ${round}`);
    }
    // A process that asks for no replicas is not slowed by one that does.
    await storeMessage(without.log, "without", { room: "cellar" });
    expect(store.status.state).toBe("live");
    // The first copy is not safe either, so a repeated key is no reason for an ack.
    expect(await store.append(message("frozen 0", { key: "f0" }))).toEqual({ outcome: "unavailable" });
    // One line in ten seconds, and not one for each that was refused.
    const lines = logger.lines.filter(({ sentence }) => sentence.includes("too few replicas"));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(2 * rounds);

    replica.thaw();
    const settled = await waitFor(async () => {
      const appended = await store.append(message("frozen 0", { key: "f0" }));
      return appended.outcome === "duplicate" && appended.id;
    }, "the replica answers again");
    expect((await store.readFrom("lobby", settled, { entries: 1, bytes: 1 }))[0]?.id).toBe(settled);
    expect((await textsOf(store)).length).toBe(1 + rounds);
  });

  it("holds a third connection for that, and makes a new link when it ends", async () => {
    const { master } = await ownPair();
    const { log: store, listener } = await open({ redis: master, minReplicas: 1 });
    const confirmer = async () =>
      /^id=(\d+) .*name=dynochat:confirmer/m.exec(await master.cli("CLIENT", "LIST"))?.[1];
    const first = await confirmer();
    await survives(store, listener, () => master.cli("CLIENT", "KILL", "ID", first ?? "none"));
    expect(await confirmer()).not.toBe(first);
    await storeMessage(store, "after");
  });

  it("does not trust connections that lead to two servers", async () => {
    const { master, replica } = await ownPair();
    const [one, other] = [new Redis(master.url), new Redis(replica.url)];
    afterwards(() => {
      one.disconnect();
      other.disconnect();
    });
    await expect(expectSameServer(one, one)).resolves.toBeUndefined();
    await expect(expectSameServer(one, other)).rejects.toThrow("different servers");
  });

  it("asks once for many appends; the throughput beside that without replicas is printed", async () => {
    const { master } = await ownPair();
    const waiting = await open({ redis: master, minReplicas: 1 });
    const plain = await open({ redis: master });
    const perSecond = async (store: RedisStore) => {
      const began = performance.now();
      await Promise.all(
        Array.from({ length: 100 }, async (_, user) => {
          for (let i = 0; i < 20; i += 1) await storeMessage(store, `${i}`, { user: `user${user}` });
        }),
      );
      return 2_000 / ((performance.now() - began) / 1_000);
    };
    await perSecond(plain.log);
    const [without, withReplicas] = [await perSecond(plain.log), await perSecond(waiting.log)];
    const waits = Number(/cmdstat_wait:calls=(\d+)/.exec(await master.cli("INFO", "commandstats"))?.[1]);
    process.stdout.write(
      `appends/s: ${Math.round(without)} without, ${Math.round(withReplicas)} with a replica ` +
        `(${(withReplicas / without).toFixed(2)}); ${waits} WAITs for 2000 appends\n`,
    );
    // A hundred senders at a time: were each asked for alone, there would be 2,000.
    expect(waits).toBeLessThan(1_000);
  });
});
