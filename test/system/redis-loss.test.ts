import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { JoinedFrame } from "../../src/protocol/frames.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { sayAgain } from "../kit/clients/say-again.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { freePort } from "../kit/ports.ts";
import { startFleet, startOwnRedis } from "../kit/servers/fleet.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Every write is on disk before it is answered, so that a killed Redis comes back with all of them. */
const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** For Redis to start, and for a process to be back on it, ms; it tries again after pauses that grow. */
const RETURN_MS = 30_000;

/** These tests send again and again until it works; that must not count as flooding. */
const UNLIMITED = { MESSAGES_PER_SECOND: "0" };

/** Fulfils when a client that was told of the loss is told that everything works again. */
function recovery(client: V1Client): Promise<unknown> {
  const from = client.frames.length;
  return waitFor(
    () => client.frames.slice(from).some((frame) => frame.type === "status" && frame.live),
    "status live again",
    RETURN_MS,
  );
}

async function toldOfLoss(client: V1Client): Promise<void> {
  await client.waitFor((frame) => frame.type === "status" && !frame.live, "status not live");
}

async function readiness(server: Server): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.url}/readyz`);
  return { status: response.status, body: await response.json() };
}

describe("while Redis is away", () => {
  it("HTTP and sockets stay, clients are told, and everything recovers by itself", async () => {
    const { redis, servers } = await startFleet(2, { env: UNLIMITED, redisArgs: DURABLE });
    const room = randomUUID();
    const [one, two] = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
    const plain = await connectPlain(servers[0]!.wsUrl, { query: { room } });
    await one!.say(room, "before");
    await two!.waitForText("before");

    await redis.kill();
    await Promise.all([toldOfLoss(one!), toldOfLoss(two!)]);
    const sentence = await plain.waitFor((frame) => frame["type"] === "status" && frame["live"] === false);
    expect(sentence).toMatchObject({ handle: "system", text: expect.stringMatching(/\w+ \w+/) });
    for (const server of servers) {
      expect((await fetch(`${server.url}/livez`)).status).toBe(200);
      expect((await fetch(`${server.url}/`)).status).toBe(200);
      const { status, body } = await readiness(server);
      expect(status).toBe(503);
      expect(JSON.stringify(body)).toMatch(/redis|log/i);
    }
    const message = { type: "message", room, text: "into the void", key: "void" } as const;
    expect(await one!.refusal(message)).toMatchObject({ code: "unavailable", retryable: true });
    const late = await connectV1(servers[0]!.wsUrl);
    await toldOfLoss(late);
    expect(await late.refusal({ type: "join", room })).toMatchObject({
      code: "unavailable",
      retryable: true,
    });

    const healed = Promise.all([recovery(one!), recovery(two!)]);
    await redis.restart();
    await healed;
    await Promise.all(servers.map((server) => server.ready()));
    await two!.say(room, "after");
    await Promise.all([one!.waitForText("after"), two!.waitForText("after")]);
    await plain.waitFor((frame) => frame["text"] === "after");
    for (const client of [one!, two!]) {
      expectUnbroken(client.messages(room));
      expect(client.messages(room).map(({ text }) => text)).toEqual(["before", "after"]);
    }
    expect(await late.join(room)).toMatchObject({
      recovered: true,
      messages: [{ text: "before" }, { text: "after" }],
    });
  });

  it("nothing is lost that another process stored before this one was subscribed again", async () => {
    const { redis, servers } = await startFleet(2, { env: UNLIMITED, redisArgs: DURABLE });
    const room = randomUUID();
    const [one, two] = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
    for (let round = 0; round < 5; round++) {
      // All connections are cut at once; the first process that is back writes while the other is not.
      await redis.cli("CLIENT", "KILL", "TYPE", "normal");
      await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
      await sayAgain(one!, room, `round ${round}`);
      await Promise.all([one!.waitForText(`round ${round}`), two!.waitForText(`round ${round}`)]);
    }
    for (const client of [one!, two!]) {
      expectUnbroken(client.messages(room));
      expect(client.messages(room).map(({ text }) => text)).toEqual([0, 1, 2, 3, 4].map((n) => `round ${n}`));
    }
  });

  it("a frozen Redis is noticed, nothing is stored later than promised, and it recovers afterwards", async () => {
    const { redis, servers } = await startFleet(2, { env: UNLIMITED });
    const room = randomUUID();
    const [one, two] = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
    await one!.say(room, "before");
    await two!.waitForText("before");
    redis.freeze();
    await Promise.all([toldOfLoss(one!), toldOfLoss(two!)]);
    expect((await readiness(servers[1]!)).status).toBe(503);
    const healed = Promise.all([recovery(one!), recovery(two!)]);
    redis.thaw();
    await healed;
    await one!.say(room, "after");
    await Promise.all([one!.waitForText("after"), two!.waitForText("after")]);
    for (const client of [one!, two!]) {
      expect(client.messages(room).map(({ text }) => text)).toEqual(["before", "after"]);
    }
  });

  it("a room whose stream came back empty restarts, and tells so before anything later", async () => {
    const { redis, servers } = await startFleet(1, { env: UNLIMITED });
    const room = randomUUID();
    const client = await connectV1(servers[0]!.wsUrl, { room });
    await client.say(room, "lost with the memory");
    await client.waitForText("lost with the memory");
    await redis.kill();
    await toldOfLoss(client);
    await redis.restart();
    const reset = await waitFor(
      () =>
        client.frames.find(
          (frame): frame is JoinedFrame => frame.type === "joined" && frame.ref === undefined,
        ),
      "a new beginning",
      RETURN_MS,
    );
    expect(reset).toMatchObject({ room, recovered: false, messages: [] });
    await sayAgain(client, room, "a new life");
    const message = await client.waitForText("a new life");
    expect(message.prev).toBe("0-0");
    expect(client.frames.indexOf(reset)).toBeLessThan(client.frames.indexOf(message));
  });
});

it("a process that starts before Redis serves HTTP at once and chats as soon as Redis is there", async () => {
  const redis = await startOwnRedis();
  await redis.kill();
  const server = await startServer({ env: { REDIS_URL: redis.url } });
  expect((await fetch(`${server.url}/`)).status).toBe(200);
  expect((await readiness(server)).status).toBe(503);
  const plain = await connectPlain(server.wsUrl);
  await plain.waitFor((frame) => frame["type"] === "status" && frame["live"] === false);
  await redis.restart();
  await server.ready();
  const client = await connectV1(server.wsUrl, { room: "lobby" });
  await client.say("lobby", "at last");
  await client.waitForText("at last");
  await plain.waitFor((frame) => frame["text"] === "at last", "the early plain client is in the room too");
});

describe("a process that has not reached Redis yet", () => {
  it("takes nobody whose cookie it cannot verify for somebody else", async () => {
    const { servers } = await startFleet(1);
    const session = await fetch(`${servers[0]?.url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const cookie = session.headers
      .getSetCookie()
      .map((set) => set.split(";")[0])
      .join("; ");
    const server = await startServer({ env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });
    for (const headers of [{ cookie }, {}]) {
      const answer = await fetch(`${server.url}/api/rooms/lobby/messages`, { headers });
      expect([answer.status, await answer.json()]).toEqual([
        503,
        expect.objectContaining({ code: "unavailable", message: "The chat is still starting; try again." }),
      ]);
    }
    await expect(connectPlain(server.wsUrl, { headers: { cookie } })).rejects.toThrow("503");
    await expect(connectV1(server.wsUrl, { headers: { cookie } })).rejects.toThrow("503");
    // A client without a cookie may wait for the chat on its socket.
    const stranger = await connectPlain(server.wsUrl);
    await stranger.waitFor((frame) => frame["type"] === "status" && frame["live"] === false);
  });
});
