import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { compareIds } from "../../src/protocol/ids.ts";
import { expectUnbroken } from "../kit/chain.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { startFleet, startOwnRedis } from "../kit/servers/fleet.ts";
import { startServer } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

describe("the history", () => {
  it("survives a restart of the program", async () => {
    const redis = await startOwnRedis();
    const env = { REDIS_URL: redis.url, MESSAGES_PER_SECOND: "0" };
    const room = randomUUID();
    const first = await startServer({ env });
    await first.ready();
    const writer = await connectV1(first.wsUrl, { room });
    for (const text of ["one", "two", "three"]) {
      await writer.say(room, text);
      await writer.waitForText(text);
    }
    const before = writer.messages(room);
    first.kill("SIGTERM");
    expect(await first.exit).toMatchObject({ code: 0 });

    const second = await startServer({ env });
    await second.ready();
    const reader = await connectV1(second.wsUrl);
    const joined = await reader.join(room, { after: "0-0" });
    expect(joined).toMatchObject({ recovered: true, more: false, head: before.at(-1)?.id });
    expect(joined.messages).toEqual(before);
  });

  it("is bounded in Redis, room by room", async () => {
    const kept = 50;
    const { redis, servers } = await startFleet(1, {
      env: { HISTORY_MESSAGES: String(kept), MESSAGES_PER_SECOND: "0" },
    });
    const room = randomUUID();
    const writer = await connectV1(servers[0]!.wsUrl, { room });
    const total = 2_000;
    for (let n = 0; n < total; n += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => writer.say(room, `message ${n + i}`)));
    }
    const keys = (await redis.cli("KEYS", `*${room}*`)).split("\n");
    const lengths = await Promise.all(
      keys.map(async (key) =>
        (await redis.cli("TYPE", key)) === "stream" ? Number(await redis.cli("XLEN", key)) : 0,
      ),
    );
    const length = Math.max(...lengths);
    expect(length).toBeGreaterThanOrEqual(kept);
    // HISTORY_MESSAGES promises at most 200 more.
    expect(length).toBeLessThanOrEqual(kept + 200);

    const reader = await connectV1(servers[0]!.wsUrl);
    const trimmed = await reader.join(room, { after: writer.messages(room)[0]!.id });
    expect(trimmed.recovered).toBe(false);
    expect(trimmed.messages.at(-1)?.id).toBe(trimmed.head);
  });

  it("is paged in both directions without a gap or a duplicate", async () => {
    const { servers } = await startFleet(1, { env: { MESSAGES_PER_SECOND: "0" } });
    const room = randomUUID();
    const client = await connectV1(servers[0]!.wsUrl, { room });
    const all: string[] = [];
    while (all.length < 230) {
      const acks = await Promise.all(Array.from({ length: 46 }, (_, n) => client.say(room, `message ${n}`)));
      all.push(...acks.map(({ id }) => id).sort(compareIds));
    }

    const backwards: string[] = [];
    for (let more = true; more; ) {
      const page = await client.history(
        room,
        backwards[0] === undefined ? { limit: 70 } : { before: backwards[0], limit: 70 },
      );
      backwards.unshift(...page.messages.map(({ id }) => id));
      more = page.more;
    }
    expect(backwards).toEqual(all);

    const forwards: string[] = [];
    for (let more = true; more; ) {
      const page = await client.history(room, { after: forwards.at(-1) ?? "0-0", limit: 70 });
      forwards.push(...page.messages.map(({ id }) => id));
      more = page.more;
    }
    expect(forwards).toEqual(all);
  });
});

describe("joining while 200 messages per second flow", () => {
  it("loses and repeats nothing between history and live, for 50 new clients on two processes", async () => {
    const { servers } = await startFleet(2, { env: { MESSAGES_PER_SECOND: "0", HISTORY_MESSAGES: "10000" } });
    const room = randomUUID();
    const url = (n: number) => servers[n % servers.length]!.wsUrl;
    const senders = await Promise.all([0, 1, 2, 3].map((n) => connectV1(url(n), { room })));
    const flow = startFlow(senders, room, 200);
    await waitFor(() => flow.stored.length > 100, "the flow has begun");

    const begun = flow.stored.length;
    const cursors = 3;
    const newcomers: V1Client[] = [];
    const plain: Awaited<ReturnType<typeof connectPlain>>[] = [];
    for (let n = 0; n < 50; n++) {
      // A third knows nothing, a third wants everything, a third comes back with a cursor.
      const after = [undefined, "0-0", flow.stored.at(-20)][n % cursors];
      newcomers.push(
        await connectV1(url(n), { room, limit: 200, ...(after === undefined ? {} : { after }) }),
      );
      if (n % 5 === 0) plain.push(await connectPlain(url(n), { query: { room } }));
      // The joins are spread over the flow, one about every fifth message.
      await waitFor(() => flow.stored.length >= begun + 5 * n, "the flow goes on");
    }
    const stored = await flow.stop();
    const last = [...stored].sort(compareIds).at(-1)!;
    const position = new Map([...stored].sort(compareIds).map((id, index) => [id, index]));
    // In a failure the difference names who lacks it, and what they were told.
    const lacking = () =>
      newcomers.flatMap((client, index) => {
        const newest = client.messages(room).at(-1)?.id;
        // Who joined after the last message gets the oldest page of it all, and no live one.
        const joined = client.frames.find((frame) => frame.type === "joined");
        const told = client.frames.filter(({ type }) =>
          ["joined", "status", "notice", "error"].includes(type),
        );
        return newest === last || joined?.head === last
          ? []
          : [{ index, newest, socket: client.connection.socket.readyState, told: told.slice(1) }];
      });
    await expect.poll(lacking, { timeout: 30_000 }).toEqual([]);
    for (const [index, client] of newcomers.entries()) {
      expect(client.frames.find((frame) => frame.type === "joined")).toMatchObject({ recovered: true });
      const messages = await whole(client, room);
      expectUnbroken(messages, `new client ${index}`);
      const first = position.get(messages[0]!.id)!;
      expect(messages.map(({ id }) => position.get(id))).toEqual(messages.map((_, n) => first + n));
      expect(messages.at(-1)?.id).toBe(last);
      if (index % cursors === 1) expect(messages).toHaveLength(stored.length);
    }
    for (const client of plain) {
      await client.waitFor((frame) => frame["id"] === last, "the last message");
      const messages = client.frames.map((frame) => ({
        id: String(frame["id"]),
        prev: String(frame["prev"]),
      }));
      expectUnbroken(messages, "a plain new client");
    }
  });
});

/**
 * What a client was shown since its join. Where more lay after its cursor than one answer carries, what is
 * missing up to the head is fetched, as the protocol says.
 */
async function whole(client: V1Client, room: string): Promise<{ id: string; prev: string }[]> {
  const joined = client.frames.find((frame) => frame.type === "joined");
  const messages = client.messages(room);
  const last = joined?.messages.at(-1);
  if (joined === undefined || last === undefined) return messages;
  const between = await pages(client, room, last.id, joined.head);
  return [...joined.messages, ...between, ...messages.slice(joined.messages.length)];
}

/** The store after `after`, up to `head`. */
async function pages(
  client: V1Client,
  room: string,
  after: string,
  head: string,
): Promise<{ id: string; prev: string }[]> {
  const found: { id: string; prev: string }[] = [];
  for (let cursor = after; compareIds(cursor, head) < 0; cursor = found.at(-1)!.id) {
    const { messages } = await client.history(room, { after: cursor, limit: 200 });
    found.push(...messages);
  }
  return found.filter(({ id }) => compareIds(id, head) <= 0);
}

/** Sends `perSecond` messages per second in all, until stopped; `stored` are the acked ids. */
function startFlow(senders: readonly V1Client[], room: string, perSecond: number) {
  const stored: string[] = [];
  const pending = new Set<Promise<void>>();
  let stopped = false;
  const pump = async () => {
    const begin = performance.now();
    for (let sent = 0; !stopped; ) {
      const due = ((performance.now() - begin) / 1000) * perSecond;
      for (; sent < due; sent++) {
        const ack = senders[sent % senders.length]!.say(room, `message ${sent}`).then(({ id }) => {
          stored.push(id);
          pending.delete(ack);
        });
        pending.add(ack);
      }
      await sleep(5);
    }
    await Promise.all(pending);
  };
  const pumping = pump();
  const stop = async () => {
    stopped = true;
    await pumping;
    return stored;
  };
  return { stored, stop };
}
