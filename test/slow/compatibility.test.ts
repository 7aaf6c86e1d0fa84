import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { beforeAll, describe, expect, it } from "vitest";
import type { MessageFrame } from "../../src/protocol/frames.ts";
import { LATER_BUILD } from "../checker/later-build.ts";
import { buildEdited } from "../checker/mutation.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { openLibraryClient, shownBy } from "../kit/clients/library-client.ts";
import { connectV1, openV1, type V1Client } from "../kit/clients/v1-client.ts";
import { type RecordedFormat, readFormat, restoreFormat } from "../kit/recorded-format.ts";
import { startOwnRedis } from "../kit/servers/fleet.ts";
import { presentFor } from "../kit/servers/present.ts";
import { ROOT } from "../kit/servers/program.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** Versions whose format was recorded. */
const VERSIONS = (await readdir(join(ROOT, "test/fixtures"))).flatMap((name) => {
  const version = /^format-(.+)\.json$/.exec(name)?.[1];
  return version === undefined ? [] : [version];
});

async function connected(url: string): Promise<Redis> {
  const redis = new Redis(url);
  afterwards(() => redis.disconnect());
  return redis;
}

/** Frames of the recorded client and server, in the order in which they went. */
function said(format: RecordedFormat, from: "client" | "server") {
  return format.conversation.flatMap(({ from: who, frame }) => (who === from ? [frame] : []));
}

/** The same types and at least the same members, down to the last one; values may be others. */
function expectShape(now: unknown, then: unknown, where: string): void {
  if (Array.isArray(then)) {
    expect(Array.isArray(now), where).toBe(true);
    const [first] = then;
    if (first !== undefined && Array.isArray(now) && now.length > 0)
      expectShape(now[0], first, `${where}[0]`);
    return;
  }
  expect(typeof now, where).toBe(typeof then);
  if (typeof then !== "object" || then === null) return;
  for (const [name, value] of Object.entries(then))
    expectShape(Reflect.get(Object(now), name), value, `${where}.${name}`);
}

describe.each(VERSIONS)("what version %s wrote to Redis", (version) => {
  let format: RecordedFormat;
  let redis: Redis;
  let server: Server;
  /** The messages of the lobby, as that version's client was sent them. */
  let messages: readonly MessageFrame[];
  let token: string;
  let user: string;

  beforeAll(async () => {
    format = await readFormat(version);
    const own = await startOwnRedis();
    redis = await connected(own.url);
    await restoreFormat(redis, format);
    // No SECRET: the one that the version shared through Redis counts.
    server = await startServer({ env: { REDIS_URL: own.url } });
    await server.ready();
    messages = format.published.flatMap(({ payload }) =>
      payload.startsWith('{"id":') ? [JSON.parse(payload)] : [],
    );
    const welcome = said(format, "server").find(({ type }) => type === "welcome");
    token = String(welcome?.["token"]);
    user = String(Reflect.get(Object(welcome?.["user"]), "id"));
  });

  it("is the history of today: the same messages, an unbroken chain, recoverable from each of its ids", async () => {
    const client = await connectV1(server.wsUrl);
    const joined = await client.join("lobby", { after: "0-0" });
    expect(joined.recovered).toBe(true);
    expect(joined.messages).toEqual(messages);
    expectUnbroken(joined.messages);
    for (const [index, { id }] of messages.entries()) {
      const again = await client.join("lobby", { after: id });
      expect([again.recovered, again.messages]).toEqual([true, messages.slice(index + 1)]);
    }
    const library = await openLibraryClient(server.wsUrl, "lobby");
    expect(shownBy(library)).toEqual(messages.map(({ text }) => text));
  });

  it("lets its people be who they were, and a message they send again be the one that is stored", async () => {
    const client = await openV1(server.wsUrl);
    expect((await client.hello({ token })).user.id).toBe(user);
    await client.join("lobby");
    const sent = messages.find((message) => message.user === user)!;
    expect(await client.say("lobby", sent.text, sent.key!)).toMatchObject({ id: sent.id, duplicate: true });
    const next = await client.say("lobby", "and today's comes after it");
    expect((await client.waitForText("and today's comes after it")).id).toBe(next.id);
    expectUnbroken(client.messages("lobby"));
  });

  it("counts its people as present for as long as its process holds the lease", async () => {
    const old = new Set(
      Object.entries(format.hashes).flatMap(([key, fields]) =>
        key.includes("{lobby}:who") ? Object.keys(fields).map((field) => field.split(":")[1] ?? "") : [],
      ),
    );
    expect(old.size).toBeGreaterThan(0);
    const client = await connectV1(server.wsUrl, { room: "lobby" });
    await waitFor(
      () => [...old].every((id) => presentFor(client, "lobby").ids.includes(id)),
      "they are listed",
    );
    const leases = Object.keys(format.strings).filter((key) => key.includes(":lease:"));
    await redis.del(...leases);
    await waitFor(
      () => [...old].every((id) => !presentFor(client, "lobby").ids.includes(id)),
      "their process is gone",
      40_000,
    );
  });

  it("is understood live: entries, people who come and go, typing", async () => {
    const client = await connectV1(server.wsUrl, { room: "fresh" });
    const publish = (payload: string) => redis.publish("dynochat:{fresh}:live", payload);
    const into = (payload: string) => payload.replaceAll('"room":"lobby"', '"room":"fresh"');
    for (const { payload } of format.published.filter(({ channel }) => channel.includes("{lobby}"))) {
      const entry = /^\{"id":"([^"]+)","prev":"([^"]+)",(.*)$/s.exec(into(payload));
      // Stored as that version's script stores it, and published like everything else.
      if (entry !== null)
        await redis.xadd("dynochat:{fresh}:log", entry[1]!, "p", entry[2]!, "n", "0", "b", entry[3]!);
      await publish(into(payload));
    }
    for (const { text } of messages) await client.waitForText(text);
    expect(client.messages("fresh")).toEqual(messages.map((message) => ({ ...message, room: "fresh" })));
    await client.waitFor(({ type }) => type === "typing", "a user types");
    const come = new Set(
      format.published.flatMap(({ channel, payload }) => {
        const { type, person } = JSON.parse(payload);
        return channel.includes("{lobby}") && type === "enter" ? [String(person.id)] : [];
      }),
    );
    await waitFor(() => [...come].every((id) => presentFor(client, "fresh").ids.includes(id)), "they come");
  });

  it("and what its client says is answered as it was then", async () => {
    const client = await openV1(server.wsUrl);
    const requests = said(format, "client").filter(({ ref }) => ref !== undefined);
    expect(requests.length).toBeGreaterThan(5);
    for (const request of requests) {
      const { ref, type } = request;
      // As it went over the wire, member by member.
      client.connection.send(JSON.stringify(request));
      const now = await client.waitFor((frame) => "ref" in frame && frame.ref === ref, `answer to ${type}`);
      const then = said(format, "server").find((frame) => frame["ref"] === ref)!;
      expect(now.type, `the answer to ${type}`).toBe(then["type"]);
      if (now.type === "error") expect(now.code).toBe(then["code"]);
      const { duplicate: _, ...lasting } = then;
      expectShape(now, lasting, `the answer to ${type}`);
    }
  });
});

describe("a later build beside today's", () => {
  async function startBoth(): Promise<{ today: Server; later: Server; redis: Redis }> {
    const root = await mkdtemp(join(tmpdir(), "dynochat-later-"));
    afterwards(() => rm(root, { recursive: true, force: true }));
    await buildEdited(LATER_BUILD, ROOT, root);
    const own = await startOwnRedis();
    const env = { REDIS_URL: own.url, MESSAGES_PER_SECOND: "0" };
    const servers = await Promise.all([startServer({ env }), startServer({ env, root: `${root}/` })]);
    await Promise.all(servers.map((server) => server.ready()));
    const [today, later] = servers;
    return { today: today!, later: later!, redis: await connected(own.url) };
  }

  it("is one chat with it: both hear both, in one order, and see who is there", async () => {
    const { today, later } = await startBoth();
    const clients: V1Client[] = [];
    for (const { wsUrl } of [today, later]) clients.push(await connectV1(wsUrl, { room: "lobby" }));
    const texts = Array.from({ length: 10 }, (_, n) => `message ${n}`);
    for (const [n, text] of texts.entries()) await clients[n % 2]!.say("lobby", text);
    for (const client of clients) {
      await client.waitForText(texts.at(-1)!);
      expect(client.messages("lobby").map(({ text }) => text)).toEqual(texts);
      expectUnbroken(client.messages("lobby"));
      await waitFor(() => presentFor(client, "lobby").count === 2, "both are listed");
    }
    // What the later one adds travels on untouched: a client that knows it gets it from today's process too.
    expect(clients[0]!.messages("lobby")[1]).toMatchObject({ mood: { of: "tomorrow" } });
    expect(today.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
    expect(later.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it("goes on alone once the stored data needs what only it knows, and today's says so", async () => {
    const { today, later, redis } = await startBoth();
    const client = await connectV1(today.wsUrl, { room: "lobby" });
    const other = await connectV1(later.wsUrl, { room: "lobby" });
    await other.say("lobby", "both serve");
    await client.waitForText("both serve");
    await redis.hset("dynochat:needs", "polls", "1");
    const away = await client.waitFor((frame) => frame.type === "status" && !frame.live, "today's stops");
    expect(away).toMatchObject({ reason: expect.stringContaining("knows polls") });
    expect(
      await client.refusal({ type: "message", room: "lobby", key: "k", text: "not stored" }),
    ).toMatchObject({
      code: "unavailable",
    });
    const ready = await fetch(`${today.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("the stored data needs a later release, one that knows polls");
    await other.say("lobby", "the later one goes on");
    expect((await fetch(`${later.url}/readyz`)).status).toBe(200);
  });

  it("may store entries and send hints of types that today does not know: nothing is lost after them", async () => {
    const { today, later, redis } = await startBoth();
    const client = await connectV1(today.wsUrl, { room: "lobby" });
    const library = await openLibraryClient(today.wsUrl, "lobby");
    const other = await connectV1(later.wsUrl, { room: "lobby" });
    const { id: prev } = await other.say("lobby", "before");
    await client.waitForText("before");
    const id = `${Number(prev.split("-")[0]) + 1}-1`;
    const body = '"type":"sticker","room":"lobby","picture":"a cat"}';
    await redis.publish("dynochat:{lobby}:live", '{"type":"waved","by":"somebody"}');
    await redis.xadd("dynochat:{lobby}:log", id, "p", prev, "n", "400", "b", body);
    await redis.publish("dynochat:{lobby}:live", `{"id":"${id}","prev":"${prev}",${body}`);
    await other.say("lobby", "behind");
    expect((await client.waitForText("behind")).prev).toBe(id);
    await waitFor(() => shownBy(library).includes("behind"), "the library shows what comes behind");
    expect(shownBy(library)).toEqual(["before", "behind"]);
    expect(client.frames.filter((frame) => frame.type === "joined" && !frame.recovered)).toEqual([]);
    // Nor does a client of today that asks for more than it may: it is told, and goes on.
    client.connection.send({ type: "wave", ref: 900 });
    const answer = await client.waitFor((frame) => "ref" in frame && frame.ref === 900);
    expect(answer).toMatchObject({ type: "error", code: "unknown-type" });
    await client.say("lobby", "still here");
  });
});
