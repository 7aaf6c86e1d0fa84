import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { EntryFrame, JoinedFrame, ServerFrame } from "../../src/protocol/frames.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { openLibraryClient, shownBy } from "../kit/clients/library-client.ts";
import { sayAgain } from "../kit/clients/say-again.ts";
import { connectV1, expected, openV1, type V1Client } from "../kit/clients/v1-client.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { startFleet, startOwnRedis } from "../kit/servers/fleet.ts";
import { presentFor } from "../kit/servers/present.ts";
import { promote, startReplica } from "../kit/servers/replica.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { watchLateness } from "../kit/vitest/lateness.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** For a process to be back on its log after an outage, ms; it tries again after pauses that grow. */
const RETURN_MS = 30_000;

/** Retries of a test come faster than people type. */
const UNLIMITED = { MESSAGES_PER_SECOND: "0" };

async function startServersOn(
  redisUrl: string,
  size: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server[]> {
  const env = { REDIS_URL: redisUrl, ...UNLIMITED, ...settings };
  const servers = await Promise.all(Array.from({ length: size }, () => startServer({ env })));
  await Promise.all(servers.map((server) => server.ready()));
  return servers;
}

/** The server's own word that the room begins anew. */
async function reset(client: V1Client, timeoutMs = RETURN_MS): Promise<JoinedFrame> {
  const isReset = (frame: V1Client["frames"][number]) => frame.type === "joined" && frame.ref === undefined;
  const frame = await waitFor(
    () => client.frames.find(isReset),
    "the client is told of the reset",
    timeoutMs,
  );
  return expected("joined", frame);
}

function texts(messages: JoinedFrame["messages"]): string[] {
  return messages.flatMap((message) => (message.type === "message" ? [message.text] : []));
}

/** What a client was shown from a frame on, that one included. */
function messagesSince(client: V1Client, from: JoinedFrame): EntryFrame[] {
  return client.frames.slice(client.frames.indexOf(from)).flatMap((frame) => {
    if (frame.type === "joined") return frame.messages;
    return frame.type === "message" ? [frame] : [];
  });
}

/**
 * Everybody in the room was told of the reset before anything later, sees the same unbroken rest and what
 * follows, and nothing of what was lost.
 */
async function expectHonest(setup: {
  readonly servers: readonly Server[];
  readonly room: string;
  readonly clients: readonly V1Client[];
  readonly pages: readonly Awaited<ReturnType<typeof openLibraryClient>>[];
  readonly kept: readonly string[];
  readonly after: string;
}): Promise<void> {
  const { servers, room, clients, pages, kept, after } = setup;
  for (const client of clients) {
    const told = await reset(client);
    expect(told).toMatchObject({ recovered: false, more: false });
    const shown = () => messagesSince(client, told);
    await waitFor(() => texts(shown()).includes(after), "what follows is shown");
    expectUnbroken(shown());
    expect(texts(shown())).toEqual([...kept, after]);
    // Whoever wrote first may have been faster than the reading of the store, which then has it.
    const early = client.messages(room).filter(({ text }) => text === after);
    expect(early).toHaveLength(1);
  }
  for (const page of pages) {
    await waitFor(() => shownBy(page).includes(after), "the page shows what follows");
    expect(shownBy(page).filter((text) => text !== "…")).toEqual([...kept, after]);
  }
  const newClient = await connectV1(servers[0]!.wsUrl);
  expect(texts((await newClient.join(room)).messages)).toEqual([...kept, after]);
}

describe("when Redis comes back without its newest entries", () => {
  it("a promoted replica that lagged: everybody is told, and what it does not have is shown nowhere", async () => {
    const master = await startOwnRedis();
    const replica = await startReplica(master);
    const door = await openDoorway();
    door.leadTo(master.port);
    const servers = await startServersOn(`redis://localhost:${door.port}`, 2);
    const room = randomUUID();
    const clients = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
    const pages = await Promise.all(servers.map(({ wsUrl }) => openLibraryClient(wsUrl, room)));
    const kept = ["kept 1", "kept 2", "kept 3"];
    for (const text of kept) await clients[0]!.say(room, text);
    const length = async () => Number(await replica.cli("XLEN", `dynochat:{${room}}:log`));
    await waitFor(async () => (await length()) === 3, "the replica has three");
    await promote(replica);
    for (const text of ["lost 1", "lost 2"]) await clients[1]!.say(room, text);
    for (const page of pages) await waitFor(() => shownBy(page).includes("lost 2"), "all is shown");

    door.shut();
    await master.kill();
    door.leadTo(replica.port);
    await sayAgain(clients[1]!, room, "after");
    await expectHonest({ servers, room, clients, pages, kept, after: "after" });
  });

  it("an older snapshot: the same, and a key that was lost with its message is stored anew", async () => {
    const { redis, servers } = await startFleet(2, { env: UNLIMITED });
    const room = randomUUID();
    const clients = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
    const pages = await Promise.all(servers.map(({ wsUrl }) => openLibraryClient(wsUrl, room)));
    await clients[0]!.say(room, "kept", "key-kept");
    await redis.cli("SAVE");
    const lost = await clients[0]!.say(room, "again", "key-lost");
    await Promise.all(clients.map((client) => client.waitForText("again")));

    await redis.kill();
    await redis.restart();
    const again = await sayAgain(clients[0]!, room, "again", "key-lost");
    expect(again.duplicate).toBeUndefined();
    expect(again.id).not.toBe(lost.id);
    expect(await clients[0]!.say(room, "kept", "key-kept")).toMatchObject({ duplicate: true });
    for (const client of clients) await reset(client);
    for (const page of pages) {
      await waitFor(() => page.messages.some(({ id }) => id === again.id), "the page shows the second copy");
      expect(shownBy(page).filter((text) => text !== "…")).toEqual(["kept", "again"]);
    }
  });

  it("FLUSHALL under open connections: told with the next message, or by the audit in a silent room", {
    timeout: 180_000,
  }, async () => {
    const { redis, servers } = await startFleet(2, { env: UNLIMITED });
    const [busy, quiet] = [randomUUID(), randomUUID()];
    const clients = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room: busy })));
    const pages = await Promise.all(servers.map(({ wsUrl }) => openLibraryClient(wsUrl, busy)));
    const silent = await connectV1(servers[0]!.wsUrl, { room: quiet });
    await silent.say(quiet, "without an answer");
    await clients[0]!.say(busy, "gone");
    await Promise.all(clients.map((client) => client.waitForText("gone")));

    await redis.cli("FLUSHALL");
    await clients[1]!.say(busy, "a new life");
    await expectHonest({ servers, room: busy, clients, pages, kept: [], after: "a new life" });
    // The pause between two audits is up to 60 s.
    expect(await reset(silent, 70_000)).toMatchObject({ room: quiet, recovered: false, messages: [] });
    // Who is here was lost as well, and the leases: each process writes its own again.
    const newClient = await connectV1(servers[0]!.wsUrl, { room: busy });
    // Also the new client of before.
    const everybody = clients.length + pages.length + 2;
    await waitFor(
      () => presentFor(newClient, busy).count === everybody,
      "all users are listed again",
      60_000,
    );
  });

  it("a guest stays who they are, on a process that starts afterwards too", async () => {
    const { redis, servers } = await startFleet(1);
    const { token, user } = await (await openV1(servers[0]!.wsUrl)).hello();
    await redis.kill();
    await redis.restart();
    await servers[0]!.waitForLog(({ state }) => state === "down", "the loss is noticed");
    await servers[0]!.ready();
    const [later] = await startServersOn(redis.url, 1);
    const again = await (await openV1(later!.wsUrl)).hello({ token });
    expect(again.user.id).toBe(user.id);
  });
});

it("with REDIS_MIN_REPLICAS an ack means that a replica has it: shown at once, refused without one, kept by a failover", async () => {
  const master = await startOwnRedis();
  const replica = await startReplica(master);
  const door = await openDoorway();
  door.leadTo(master.port);
  const servers = await startServersOn(`redis://localhost:${door.port}`, 2, { REDIS_MIN_REPLICAS: "1" });
  const room = randomUUID();
  const [sender, reader] = await Promise.all(servers.map(({ wsUrl }) => connectV1(wsUrl, { room })));
  await sender!.say(room, "safe");

  replica.freeze();
  afterwards(() => replica.thaw());
  const machine = await watchLateness(servers[0]!.wsUrl);
  const asked = performance.now();
  const { answer } = sender!.ask({ type: "message", room, text: "shown at once", key: "shown" });
  const shown = await reader!.waitForText("shown at once");
  const refusal = await answer;
  const answeredAfterMs = performance.now() - asked;
  expect(refusal).toMatchObject({ type: "error", code: "unavailable", retryable: true });
  expect(answeredAfterMs - (await machine.caughtUp())).toBeLessThan(LIMITS.unavailableMs);
  const place = (of: ServerFrame) => sender!.frames.indexOf(of);
  expect(place(await sender!.waitForText("shown at once"))).toBeLessThan(place(refusal));
  expect((await reader!.history(room)).messages).toHaveLength(2);
  replica.thaw();
  const settled = await sayAgain(sender!, room, "shown at once", "shown");
  expect(settled).toMatchObject({ duplicate: true, id: shown.id });

  door.shut();
  await master.kill();
  await promote(replica);
  await startReplica(replica);
  door.leadTo(replica.port);
  await sayAgain(reader!, room, "after");
  for (const client of [sender!, reader!]) {
    await client.waitForText("after");
    expectUnbroken(client.messages(room));
    expect(client.messages(room).map(({ text }) => text)).toEqual(["safe", "shown at once", "after"]);
    // Nothing was lost, so no client was told of a loss.
    expect(client.frames.filter((frame) => frame.type === "joined" && !frame.recovered)).toEqual([]);
  }
});

it("a process with a thousand rooms is live again soon after Redis is; the time is printed", async () => {
  const { redis, servers } = await startFleet(1, {
    env: { ...UNLIMITED, MAX_ROOMS_PER_CONNECTION: "1000" },
    redisArgs: ["--appendonly", "yes", "--appendfsync", "always"],
  });
  const client = await connectV1(servers[0]!.wsUrl);
  const rooms = Array.from({ length: 1_000 }, (_, i) => `room-${i}`);
  const enter = async (room: string) => {
    await client.join(room);
    await client.say(room, "before");
  };
  // Some at a time: each waits for the disk.
  for (let n = 0; n < rooms.length; n += 20) await Promise.all(rooms.slice(n, n + 20).map(enter));
  await redis.kill();
  await client.waitFor((frame) => frame.type === "status" && !frame.live, "the loss is told");
  await redis.restart();
  const back = performance.now();
  const isLive = () => client.frames.flatMap((frame) => (frame.type === "status" ? [frame.live] : [])).at(-1);
  await waitFor(isLive, "live again", RETURN_MS);
  const ms = Math.round(performance.now() - back);
  process.stdout.write(`Redis back to live with 1,000 rooms: ${ms} ms\n`);
  expect(client.frames.filter((frame) => frame.type === "joined" && !frame.recovered)).toEqual([]);
  for (const room of ["room-0", "room-999"]) {
    await client.say(room, "after");
    await waitFor(() => client.messages(room).length === 2, `both messages of ${room}`);
    expectUnbroken(client.messages(room));
  }
});
