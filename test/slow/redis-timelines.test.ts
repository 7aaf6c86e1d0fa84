import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { sayAgain } from "../kit/clients/say-again.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { type Fleet, startFleet } from "../kit/servers/fleet.ts";
import { type Lateness, watchLateness } from "../kit/vitest/lateness.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** A frozen server is noticed within this time, ms: a round trip at least every 5 s, and its time limit. */
const NOTICED_MS = 8_000;

interface Told {
  readonly at: number;
  readonly frame: ServerFrame;
}

/** One client of two processes, and what it is told from now on, with the time. */
async function watching(redisArgs: readonly string[] = []) {
  const fleet = await startFleet(2, { env: { MESSAGES_PER_SECOND: "0" }, redisArgs });
  const room = randomUUID();
  const [one, two] = await Promise.all(fleet.servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
  if (one === undefined || two === undefined) throw new Error("two clients were wanted");
  await one.say(room, "before");
  await Promise.all([one.waitForText("before"), two.waitForText("before")]);
  const told: Told[] = [];
  one.connection.socket.on("message", (data: Buffer) => {
    told.push({ at: performance.now(), frame: JSON.parse(data.toString()) });
  });
  const machine = await watchLateness(fleet.servers[0]!.wsUrl);
  return { fleet, room, one, two, told, machine };
}

function statuses(told: readonly Told[]): { at: number; live: boolean }[] {
  return told.flatMap(({ at, frame }) => (frame.type === "status" ? [{ at, live: frame.live }] : []));
}

/**
 * Sends one message a quarter of a second until told to stop; each is stored, or refused as it should be. How long that took is
 * without what the machine was late meanwhile.
 */
function talk(client: V1Client, room: string, machine: Lateness) {
  const stored: string[] = [];
  const refusedAfterMs: number[] = [];
  let talking = true;
  const done = (async () => {
    for (let n = 0; talking; n += 1) {
      const lateBefore = machine.totalMs;
      const sentAt = performance.now();
      const text = `said ${n}`;
      const answer = await client.request({ type: "message", room, text, key: randomUUID() });
      const tookMs = performance.now() - sentAt;
      if (answer.type === "ack") stored.push(text);
      else {
        expect(answer).toMatchObject({ type: "error", code: "unavailable", retryable: true });
        refusedAfterMs.push(tookMs - ((await machine.caughtUp()) - lateBefore));
      }
      await sleep(250);
    }
  })();
  const stop = async () => {
    talking = false;
    await done;
    return { stored, refusedAfterMs };
  };
  return { stored, stop };
}

/** Afterwards both clients show the same log: everything acked, nothing refused as stored twice, no hole. */
async function expectHealed(
  { fleet, room, one, two }: { fleet: Fleet; room: string; one: V1Client; two: V1Client },
  stored: readonly string[],
): Promise<void> {
  await Promise.all(fleet.servers.map((server) => server.ready()));
  await sayAgain(two, room, "after");
  await Promise.all([one.waitForText("after"), two.waitForText("after")]);
  for (const client of [one, two]) {
    const messages = client.messages(room);
    expectUnbroken(messages);
    const texts = messages.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts).toEqual(expect.arrayContaining([...stored]));
  }
  expect(one.messages(room)).toEqual(two.messages(room));
}

describe("what a client is told", () => {
  it("while Redis is frozen for 3 s: refusals within 2 s, and no reconnecting of its own", async () => {
    const all = await watching();
    const { one, room, fleet, machine } = all;
    const talking = talk(one, room, machine);
    await waitFor(() => talking.stored.length > 1, "the talk has begun");
    fleet.redis.freeze();
    await sleep(3_000);
    fleet.redis.thaw();
    const before = talking.stored.length;
    await waitFor(() => talking.stored.length > before, "messages are stored again", 20_000);
    const { stored, refusedAfterMs } = await talking.stop();
    expect(Math.max(0, ...refusedAfterMs)).toBeLessThan(LIMITS.unavailableMs);
    await expectHealed(all, stored);
    expect(one.connection.socket.readyState).toBe(1);
  });

  it("while Redis is frozen for 10 s: it is noticed within 8 s, and live again after the thaw", async () => {
    const all = await watching();
    const { one, room, fleet, told, machine } = all;
    const talking = talk(one, room, machine);
    await waitFor(() => talking.stored.length > 1, "the talk has begun");
    const lateBefore = machine.totalMs;
    const frozenAt = performance.now();
    fleet.redis.freeze();
    await waitFor(() => statuses(told).some(({ live }) => !live), "it is told of the loss", 30_000);
    const noticedAfterMs = (statuses(told)[0]?.at ?? 0) - frozenAt;
    expect(noticedAfterMs - ((await machine.caughtUp()) - lateBefore)).toBeLessThan(NOTICED_MS);
    await sleep(Math.max(0, 10_000 - (performance.now() - frozenAt)));
    fleet.redis.thaw();
    await waitFor(() => statuses(told).at(-1)?.live === true, "it is told that everything works", 20_000);
    const { stored, refusedAfterMs } = await talking.stop();
    expect(refusedAfterMs.length).toBeGreaterThan(0);
    expect(Math.max(0, ...refusedAfterMs)).toBeLessThan(LIMITS.unavailableMs);
    expect(statuses(told).map(({ live }) => live)).toEqual([false, true]);
    await expectHealed(all, stored);
  });

  it("while Redis is away for a minute: the loss at once, refusals at once, one return", {
    timeout: 120_000,
  }, async () => {
    const all = await watching(DURABLE);
    const { one, room, fleet, told, machine } = all;
    const talking = talk(one, room, machine);
    await waitFor(() => talking.stored.length > 1, "the talk has begun");
    await fleet.redis.kill();
    const killedAt = performance.now();
    await waitFor(() => statuses(told).some(({ live }) => !live), "it is told of the loss");
    await sleep(60_000 - (performance.now() - killedAt));
    expect(statuses(told).map(({ live }) => live)).toEqual([false]);
    await fleet.redis.restart();
    await waitFor(() => statuses(told).at(-1)?.live === true, "it is told that everything works", 20_000);
    const { stored, refusedAfterMs } = await talking.stop();
    expect(refusedAfterMs.length).toBeGreaterThan(100);
    expect(Math.max(...refusedAfterMs)).toBeLessThan(LIMITS.unavailableMs);
    expect(statuses(told).map(({ live }) => live)).toEqual([false, true]);
    expect(told.filter(({ frame }) => frame.type === "joined")).toEqual([]);
    await expectHealed(all, stored);
  });

  it("when Redis was restarted without its data: a room that starts over, before anything later", async () => {
    const all = await watching();
    const { one, two, room, fleet, told } = all;
    await fleet.redis.kill();
    await waitFor(() => statuses(told).some(({ live }) => !live), "it is told of the loss");
    await fleet.redis.restart();
    await waitFor(() => statuses(told).at(-1)?.live === true, "it is told that everything works", 20_000);
    await sayAgain(two, room, "new");
    await one.waitForText("new");
    const order = told.flatMap(({ frame }) => {
      if (frame.type === "joined") return [`joined ${frame.recovered} ${frame.ref ?? "by itself"}`];
      if (frame.type === "status") return [`live ${frame.live}`];
      return frame.type === "message" ? [frame.text] : [];
    });
    expect(order).toEqual(["live false", "joined false by itself", "live true", "new"]);
  });
});
