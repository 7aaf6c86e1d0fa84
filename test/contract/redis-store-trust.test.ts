import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { Keys } from "../../src/store/redis/keys.ts";
import { publicationOf } from "../../src/store/redis/messages/publications.ts";
import { FakeClient, openChatOn } from "../kit/fakes/fake-client.ts";
import type { TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { make, open, ownRedis } from "./open-redis-store.ts";
import { ALL, message, storeMessage, subscribe, textsOf } from "./open-store.ts";

/** Probes as often as a test wants to wait. */
const OFTEN = { probeEveryMs: 50 };

/** A connection of another client, which may do everything. */
function admin(redis: TestRedis): Redis {
  const connection = new Redis(redis.url);
  afterwards(() => connection.disconnect());
  return connection;
}

function frame(id: string, prev: string, text: string, tag?: string): string {
  const rest = { type: "message", room: "lobby", user: "eve", handle: "Eve", text };
  return JSON.stringify({ id, prev, ...(tag === undefined ? {} : { tag }), ...rest });
}

describe("two databases of one Redis", () => {
  it("do not see each other's messages, ephemeral events, people, reports and probes", async () => {
    const redis = await ownRedis();
    const setups = [`${redis.url}/0`, `${redis.url}/1`, `${redis.url}/11`].map((url) => ({
      redis,
      url,
      prefix: "chat:",
    }));
    const logs = await Promise.all(setups.map((setup) => open(setup)));
    for (const { log: store } of logs) await subscribe(store, "lobby");
    for (const [number, { log: store }] of logs.entries()) {
      await storeMessage(store, `of ${number}`);
      store.publishEphemeral("lobby", Buffer.from(`{"type":"typing","user":"${number}"}`));
      await store.enter("lobby", { id: `user${number}`, handle: "Somebody" });
      await store.reportProcess(`report of ${number}`);
    }
    for (const [number, { log: store, listener }] of logs.entries()) {
      await waitFor(() => listener.texts("lobby").length >= 3, "its own publications arrive");
      const others = new RegExp(`of (?!${number}")\\d"|"user":"(?!${number}")|user(?!${number}")\\d`);
      for (const text of listener.texts("lobby")) expect(text).not.toMatch(others);
      expect(listener.unverifieds).toEqual([]);
      expect((await store.syncPresence("lobby", [])).map(({ id }) => id)).not.toContain(
        `user${(number + 1) % 3}`,
      );
      expect(await store.processReports()).toEqual([`report of ${number}`]);
    }
    const channels = (await redis.cli("PUBSUB", "CHANNELS")).split("\n").sort();
    const [zero] = logs;
    // Database 0 keeps its names: old and new processes hear each other during a deploy.
    expect(channels).toEqual(
      expect.arrayContaining(["chat:{lobby}:live", `chat:probe:${zero?.log.instance}`]),
    );
    expect(channels).toHaveLength(6);
  });

  it("never have a channel's name in common, whatever their prefixes", () => {
    const prefixes = ["a", "a:", "a@1", "a@1:", "@1", "amark", "aprobe:", "a:live", "a:live@1"];
    const names = prefixes.flatMap((prefix) =>
      [0, 1, 11].map((database) => {
        const keys = new Keys(prefix, database);
        return [keys.channel("room"), keys.channel("1"), keys.mark(), keys.probe("0123456789abcdef")];
      }),
    );
    expect(new Set(names.flat()).size).toBe(names.flat().length);
  });
});

describe("a publication that the store's script did not make", () => {
  it("is not delivered as an entry, though it continues the chain; the store is told of its id", async () => {
    const redis = await ownRedis();
    const { log: store, listener, prefix } = await open({ redis });
    const other = await open({ redis, prefix });
    await subscribe(store, "lobby");
    await subscribe(other.log, "lobby");
    const head = await storeMessage(store, "stored");
    const next = `${Date.now() + 1_000}-1`;
    const [genuine] = await store.readFrom("lobby", head, ALL);
    const channel = `${prefix}{lobby}:live`;
    const forgeries = [
      frame(next, head, "without a tag"),
      frame(next, head, "with a wrong tag", "0123456789abcdef"),
      frame(next, head, "with a short tag", "0123"),
      publicationOf(
        Buffer.from(frame(next, head, "with another store's tag")),
        "another-secret-of-22-c",
      ).toString(),
      '{"id":"',
      `{"id":"${next}","prev":"${head}","tag":"0123456789abcdef`,
    ];
    const connection = admin(redis);
    const overheard: string[] = [];
    const spy = admin(redis);
    spy.on("message", (_channel, text) => overheard.push(text));
    await spy.subscribe(channel);
    await storeMessage(store, "overheard");
    await waitFor(() => overheard.length > 0, "the publication is overheard");
    const tag = /"tag":"([0-9a-f]{16})"/.exec(overheard[0] ?? "")?.[1] ?? "";
    forgeries.push(
      (overheard[0] ?? "").replace("overheard", "overhauled"),
      frame(next, head, "with an old tag", tag),
    );
    for (const forgery of forgeries) await connection.publish(channel, forgery);
    await storeMessage(store, "last");
    for (const { listener: heard } of [{ listener }, other]) {
      await waitFor(() => heard.texts("lobby").some((text) => text.includes("last")), "the last one arrives");
      const texts = heard.texts("lobby").map((text) => JSON.parse(text).text);
      expect(texts).toEqual(["stored", "overheard", "last"]);
      expect(heard.texts("lobby")[0]).toBe(genuine?.frame.toString());
      expect(heard.unverifieds.filter(({ id }) => id === next)).toHaveLength(6);
    }
  });

  it("is not shown to anybody on any process", async () => {
    const { redis, clients, writer } = await twoProcesses();
    await say(writer, "first");
    const [{ id: head = "" } = {}] = await seen(clients, ["first"]);
    const [intruder, next] = [admin(redis), `${Date.now() + 1_000}-1`];
    await intruder.publish("trust:{lobby}:live", frame(next, head, "forged"));
    await intruder.publish("trust:{lobby}:live", frame(next, head, "forged", "0123456789abcdef"));
    await say(writer, "second");
    await seen(clients, ["first", "second"]);
  });

  it("is shown once and in its place where the store has its entry, as when an older process stores it", async () => {
    const { redis, clients, writer } = await twoProcesses();
    const older = admin(redis);
    const storeAsOlder = async (text: string) => {
      const [last] = await older.xrevrange("trust:{lobby}:log", "+", "-", "COUNT", 1);
      const [prev, ms] = [last?.[0] ?? "0-0", Date.now()];
      const whole = frame(`${ms}-${9_000_000}`, prev, text);
      const body = whole.slice(whole.indexOf('"type"'));
      await older.xadd("trust:{lobby}:log", `${ms}-9000000`, "p", prev, "n", "1000", "b", body);
      await older.publish("trust:{lobby}:live", whole);
    };
    await say(writer, "first");
    await storeAsOlder("second");
    await seen(clients, ["first", "second"]);
    await say(writer, "third");
    await storeAsOlder("fourth");
    await seen(clients, ["first", "second", "third", "fourth"]);
  });
});

describe("the secret with which publications are signed", () => {
  it("is one for all processes of a store, and given back to a store that lost it", async () => {
    const redis = await ownRedis();
    const one = await open({ redis, prefix: "chat:", times: OFTEN });
    const two = await open({ redis, prefix: "chat:", times: OFTEN });
    await subscribe(two.log, "lobby");
    const secret = await redis.cli("GET", "chat:shared:publications");
    expect(secret).toMatch(/^[A-Za-z0-9_-]{22}$/);
    await redis.cli("FLUSHALL");
    await storeMessage(one.log, "right after");
    await waitFor(
      async () => (await redis.cli("GET", "chat:shared:publications")) === secret,
      "the store has the secret again",
    );
    await storeMessage(one.log, "later");
    await waitFor(() => two.listener.texts("lobby").length === 2, "both arrive");
    expect(two.listener.unverifieds).toEqual([]);
  });

  it("is taken over from a store that has another one, while messages go on", async () => {
    const redis = await ownRedis();
    const { log: store, listener } = await open({ redis, prefix: "chat:", times: OFTEN });
    await subscribe(store, "lobby");
    await storeMessage(store, "before");
    const other = "ABCDEFGHIJKLMNOPQRSTUV";
    await redis.cli("SET", "chat:shared:publications", other);
    let stored = 1;
    const spied: string[] = [];
    const spy = admin(redis);
    spy.on("message", (_channel, text) => spied.push(text));
    await spy.subscribe("chat:{lobby}:live");
    await waitFor(async () => {
      await storeMessage(store, "during");
      stored += 1;
      const frames = (await store.readFrom("lobby", "0-0", ALL)).map((entry) => entry.frame);
      return frames.some((one) => spied.includes(publicationOf(one, other).toString()));
    }, "publications are signed with it");
    await storeMessage(store, "after");
    stored += 1;
    await waitFor(() => listener.texts("lobby").at(-1)?.includes("after"), "the last one arrives");
    expect(listener.texts("lobby").length + listener.unverifieds.length).toBe(stored);
    expect(await textsOf(store)).toHaveLength(stored);
  });

  it.each([
    ["", "another program's text"],
    ["'..os.exit()..'", "a piece of a script"],
  ])("is replaced where the store holds %j, %s", async (damaged) => {
    const redis = await ownRedis();
    await redis.cli("SET", "chat:shared:publications", damaged);
    const { log: store, listener } = await open({ redis, prefix: "chat:", times: OFTEN });
    await subscribe(store, "lobby");
    await storeMessage(store, "hello");
    await waitFor(() => listener.texts("lobby").length === 1, "it arrives");
    expect(await redis.cli("GET", "chat:shared:publications")).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("does without the secret if its key is another program's: every entry is reported as unverified", async () => {
    const redis = await ownRedis();
    await redis.cli("HSET", "chat:shared:publications", "a", "b");
    const one = await open({ redis, prefix: "chat:" });
    const two = await open({ redis, prefix: "chat:" });
    await subscribe(two.log, "lobby");
    const id = await storeMessage(one.log, "hello");
    await waitFor(() => two.listener.unverifieds.length === 1, "it is told");
    expect(two.listener.unverifieds).toEqual([{ room: "lobby", id }]);
    expect(one.logger.lines.some(({ level }) => level === "error")).toBe(true);
  });

  it("is shared also by a server that has no memory left", async () => {
    const redis = await ownRedis({ args: ["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"] });
    await redis
      .cli(
        "EVAL",
        "for i = 1, 1e6 do if type(redis.pcall('SET', i, string.rep('x', 1000))) == 'table' and i > 1e5 then return end end",
        "0",
      )
      .catch(() => "");
    const { log: store } = await open({ redis, prefix: "chat:" });
    expect(await store.append(message("hello"))).toMatchObject({ outcome: "storage-full" });
    expect(await store.shared("secret", "proposal")).toBe("proposal");
    expect(await store.shared("secret", "another")).toBe("proposal");
    expect(await redis.cli("GET", "chat:shared:publications")).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });
});

/** Two processes, and a client on each. */
async function twoProcesses() {
  const redis = await ownRedis();
  const chats = [1, 2].map(() => openChatOn(make({ redis, prefix: "trust:" }).log).chat);
  for (const chat of chats) await waitFor(() => chat.live, "live");
  const clients = await Promise.all(chats.map((chat) => FakeClient.greeted(chat)));
  for (const client of clients) {
    const ref = client.request({ type: "join", room: "lobby" });
    await waitFor(() => client.answer(ref), "joined");
  }
  const [writer] = clients;
  if (writer === undefined) throw new Error("no writer");
  return { redis, clients, writer };
}

let keys = 0;

async function say(client: FakeClient, text: string): Promise<void> {
  keys += 1;
  const ref = client.request({ type: "message", room: "lobby", key: `k${keys}`, text });
  expect(await waitFor(() => client.answer(ref), "it is answered")).toMatchObject({ type: "ack" });
}

/** Waits until every client was shown exactly these texts, and returns the messages. */
async function seen(clients: readonly FakeClient[], texts: readonly string[]): Promise<{ id?: string }[]> {
  for (const client of clients) {
    const shown = () => client.connection.framesOf("message").map((one) => one["text"]);
    await waitFor(() => shown().includes(texts.at(-1)), `${texts.at(-1)} is shown`);
    expect(shown()).toEqual(texts);
  }
  return (clients[0]?.connection.framesOf("message") ?? []).slice(-1).map(({ id }) => ({ id: String(id) }));
}

describe("another client of Redis", () => {
  it("cannot publish an access rule that is not stored", async () => {
    const redis = await ownRedis();
    const { log: store, prefix } = make({ redis });
    const { chat } = openChatOn(store);
    await waitFor(() => chat.live, "the chat is live");
    const [ann, ben] = [await FakeClient.greeted(chat), await FakeClient.greeted(chat)];
    for (const client of [ann, ben]) client.request({ type: "join", room: "lobby" });
    const isIn = (client: FakeClient) => client.connection.framesOf("joined").length > 0;
    await waitFor(() => isIn(ann) && isIn(ben), "both are in");
    const forged = `{"id":"9-9","prev":"0-0","access":{"subject":"${ann.guest}","right":"none","by":"eve"},"tag":"0123456789abcdef","type":"access","room":"lobby"}`;
    await admin(redis).publish(`${prefix}{lobby}:live`, forged);
    ben.request({ type: "message", room: "lobby", key: "k", text: "after it" });
    await waitFor(() => ann.texts.includes("after it"), "ann still gets what is said");
    expect(ann.connection.framesOf("left")).toEqual([]);
  });
});
