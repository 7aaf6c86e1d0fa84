import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/protocol/limits.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { sayAgain } from "../kit/clients/say-again.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { type Fleet, startFleet } from "../kit/servers/fleet.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const UNLIMITED = { MESSAGES_PER_SECOND: "0" };

/** `perServer` clients in `room` on each process. */
async function everywhere({ servers }: Fleet, room: string, perServer: number): Promise<V1Client[]> {
  const urls = servers.flatMap(({ wsUrl }) => Array<string>(perServer).fill(wsUrl));
  return Promise.all(urls.map((wsUrl) => connectV1(wsUrl, { room })));
}

function idsOf(client: V1Client, room: string): string[] {
  return client.messages(room).map(({ id }) => id);
}

describe.each([2, 3])("%i processes on one Redis", (size) => {
  it("broadcast a message sent on one of them to all members on all, including the sender", async () => {
    const fleet = await startFleet(size);
    const room = randomUUID();
    const clients = await everywhere(fleet, room, 2);
    for (const [index, client] of clients.entries()) {
      const text = `from client ${index}`;
      const { id } = await client.say(room, text);
      const shown = await Promise.all(clients.map((other) => other.waitForText(text)));
      for (const message of shown) expect(message).toEqual({ ...shown[0], id });
    }
  });

  it("broadcast the messages of many senders in one order on all, also to the senders", async () => {
    const fleet = await startFleet(size, { env: UNLIMITED });
    const room = randomUUID();
    const clients = await everywhere(fleet, room, 2);
    const each = 100;
    const acks = await Promise.all(
      clients.flatMap((client, sender) =>
        Array.from({ length: each }, (_, n) => client.say(room, `${sender}: ${n}`)),
      ),
    );
    await waitFor(
      () => clients.every((client) => idsOf(client, room).length >= acks.length),
      "everybody has every message",
    );
    const order = idsOf(clients[0]!, room);
    for (const [index, client] of clients.entries()) {
      expectUnbroken(client.messages(room), `client ${index}`);
      expect(idsOf(client, room)).toEqual(order);
    }
    expect([...order].sort()).toEqual(acks.map(({ id }) => id).sort());
    for (const [sender] of clients.entries()) {
      const own = clients[0]!.messages(room).filter(({ text }) => text.startsWith(`${sender}: `));
      expect(own.map(({ text }) => text)).toEqual(Array.from({ length: each }, (_, n) => `${sender}: ${n}`));
    }
  });
});

describe("two processes on one Redis", () => {
  it("broadcast no message that Redis did not store, not even to its sender", async () => {
    const fleet = await startFleet(2, { env: UNLIMITED });
    const room = randomUUID();
    const [one, two] = await everywhere(fleet, room, 1);
    fleet.redis.freeze();
    const sentAt = performance.now();
    const refusal = await one!.refusal({ type: "message", room, text: "into the void", key: "void" });
    expect(refusal).toMatchObject({ code: "unavailable", retryable: true });
    // Until then it may still be stored; the sender was told that nothing is known.
    await waitFor(() => performance.now() - sentAt > LIMITS.unavailableMs, "the message's deadline is over");
    fleet.redis.thaw();
    await Promise.all(fleet.servers.map((server) => server.ready()));
    await sayAgain(one!, room, "after the freeze");
    await Promise.all([one!.waitForText("after the freeze"), two!.waitForText("after the freeze")]);
    for (const client of [one!, two!]) {
      expect(client.messages(room).map(({ text }) => text)).toEqual(["after the freeze"]);
    }
  });

  it("hold two connections each to Redis, one of them subscribed, however many users and rooms", async () => {
    const fleet = await startFleet(2);
    const connections = async () => {
      const list = await fleet.redis.cli("CLIENT", "LIST");
      const own = list.split("\n").filter((line) => line.includes("id=") && !/ cmd=client/.test(line));
      return { all: own.length, subscribed: own.filter((line) => / flags=\S*P/.test(line)).length };
    };
    expect((await connections()).all).toBe(4);
    const rooms = Array.from({ length: 10 }, () => randomUUID());
    const users = await Promise.all(
      fleet.servers.flatMap(({ wsUrl }) =>
        Array.from({ length: 50 }, (_, n) => connectV1(wsUrl, { room: rooms[n % rooms.length]! })),
      ),
    );
    await Promise.all(users.map((user, n) => user.say(rooms[(n % 50) % rooms.length]!, `hello ${n}`)));
    expect(await connections()).toEqual({ all: 4, subscribed: 2 });
  });

  it("own their sockets and share the rest: messages of a killed process are on the other", async () => {
    const fleet = await startFleet(2);
    const [first, second] = fleet.servers;
    const room = randomUUID();
    const [doomed, stays] = await everywhere(fleet, room, 1);
    const { id } = await doomed!.say(room, "last words");
    await stays!.waitForText("last words");
    first!.kill();
    expect((await doomed!.closed).code).toBe(1006);

    await stays!.say(room, "still here");
    await stays!.waitForText("still here");
    const returned = await connectV1(second!.wsUrl);
    const joined = await returned.join(room, { after: id });
    expect(joined).toMatchObject({ recovered: true, messages: [{ text: "still here", prev: id }] });
    expect(returned.frames.some((frame) => frame.type === "status")).toBe(false);
  });

  it("put REDIS_PREFIX before every channel and key, and do not meet those with another", async () => {
    const fleet = await startFleet(1, { env: { REDIS_PREFIX: "first:" } });
    const { redis } = fleet;
    const other = await startServer({ env: { REDIS_URL: redis.url, REDIS_PREFIX: "second:" } });
    await other.ready();
    const [here, there] = await Promise.all([
      connectV1(fleet.servers[0]!.wsUrl, { room: "lobby" }),
      connectV1(other.wsUrl, { room: "lobby" }),
    ]);
    await here.say("lobby", "for the first");
    await there.say("lobby", "for the second");
    await Promise.all([here.waitForText("for the first"), there.waitForText("for the second")]);
    expect(here.messages("lobby")).toHaveLength(1);
    expect(there.messages("lobby")).toHaveLength(1);

    const lines = async (...command: string[]) => (await redis.cli(...command)).split("\n").filter(Boolean);
    const channels = [...(await lines("PUBSUB", "CHANNELS")), ...(await lines("PUBSUB", "SHARDCHANNELS"))];
    const keys = await lines("KEYS", "*");
    for (const prefix of ["first:", "second:"]) {
      expect(channels.some((name) => name.startsWith(prefix))).toBe(true);
      expect(keys.some((name) => name.startsWith(prefix))).toBe(true);
    }
    expect([...channels, ...keys].filter((name) => !/^(first|second):/.test(name))).toEqual([]);
  });

  it("skip what is malformed on a channel, count it, and go on", async () => {
    const fleet = await startFleet(2);
    const room = randomUUID();
    const clients = await everywhere(fleet, room, 1);
    const plain = await connectPlain(fleet.servers[0]!.wsUrl, { query: { room } });
    const { id } = await clients[0]!.say(room, "before");
    await Promise.all(clients.map((client) => client.waitForText("before")));
    const before = clients.map((client) => client.frames.length);

    const list = await fleet.redis.cli("PUBSUB", "CHANNELS");
    const channel = list.split("\n").find((name) => name.includes(room));
    const next = `{"id":"99999999999999-1","prev":"${id}",`;
    const malformed = [
      "",
      "not json",
      "null",
      "[1,2]",
      `{"id":"`,
      `${next}`,
      `{"id":7,"prev":"${id}","type":"message"}`,
      `${next}"type":"message","room":"${room}","user":"u","handle":"h"}`,
      `${next}"type":"message","room":"elsewhere","user":"u","handle":"h","text":"t"}`,
      `${next}"id":"1-1","type":"message","room":"${room}","user":"u","handle":"h","text":"t"}`,
      `{"type":"message","room":"${room}","user":"u","handle":"h","text":"not stored"}`,
      `{"type":"welcome"}`,
      `{"type":"enter"}`,
      `{"type":"typing","room":"${room}"}`,
    ];
    for (const payload of malformed) {
      expect(await fleet.redis.cli("PUBLISH", channel ?? "", payload)).toBe("2");
    }
    const invalidUtf8 = `return redis.call('PUBLISH', ARGV[1], '${next}"type":"message","room":"${room}","user":"u","handle":"h","text":"\\255"}')`;
    expect(await fleet.redis.cli("EVAL", invalidUtf8, "0", channel ?? "")).toBe("2");

    await clients[1]!.say(room, "after");
    await Promise.all(clients.map((client) => client.waitForText("after")));
    await plain.waitFor((frame) => frame["text"] === "after");
    for (const [index, client] of clients.entries()) {
      const strangers = client.frames
        .slice(before[index])
        .filter((frame) => !["ack", "message", "presence"].includes(frame.type));
      expect(strangers).toEqual([]);
      expect(client.messages(room).map(({ text }) => text)).toEqual(["before", "after"]);
    }
    for (const server of fleet.servers) {
      await server.waitForLog((line) => line["event"] === "unverified", "it is counted");
    }
  });
});
