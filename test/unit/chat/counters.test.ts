import { describe, expect, it } from "vitest";
import { Counters } from "../../../src/chat/counters.ts";
import { ACK_BUCKETS, Latencies } from "../../../src/chat/latencies.ts";
import { Outbox } from "../../../src/chat/room/outbox.ts";
import { entryOf } from "../../../src/store/entry.ts";
import { HANDLE_CODEC } from "../../../src/transport/codecs/plain.ts";
import { V1_CODEC } from "../../../src/transport/codecs/v1.ts";
import { FakeClient, openChat, settle } from "../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../kit/fakes/fake-connection.ts";

describe("the counters of a chat", () => {
  it("add up: every message is delivered once to each member of its room, and bytes as they were written", async () => {
    const { chat, log: store } = openChat();
    const members = await Promise.all(Array.from({ length: 4 }, () => FakeClient.greeted(chat)));
    for (const member of members) await member.ask({ type: "join", room: "lobby" });
    for (let n = 0; n < 5; n += 1) {
      await members[0]!.ask({ type: "message", room: "lobby", key: `key-${n}`, text: `text ${n}` });
    }
    await members[1]!.ask({ type: "message", room: "lobby", key: "key", text: "once" });
    await members[1]!.ask({ type: "message", room: "lobby", key: "key", text: "once" });
    await settle();
    const { counters } = chat;
    expect(counters).toMatchObject({ messages: 6, duplicates: 1, deliveries: 6 * 4, batches: 6 });
    const bytes = store.entries("lobby").reduce((sum, entry) => sum + V1_CODEC.entry(entry).length, 0);
    expect(counters.deliveredBytes).toBe(bytes * 4);
    expect(counters.acks.counts.reduce((sum, count) => sum + count)).toBe(7);
  });

  it("tell a catch-up that found something from one that did not", async () => {
    const { chat, log: store } = openChat();
    const ann = await FakeClient.greeted(chat);
    await ann.ask({ type: "join", room: "lobby" });
    await chat.rooms.get("lobby")!.stream.suspect("a test asks");
    expect(chat.counters).toMatchObject({ catchUps: 1, holes: 0, recovered: 0 });
    store.store("lobby", { text: "nobody is told", published: false });
    store.store("lobby", { text: "the one after it" });
    await settle();
    expect(chat.counters).toMatchObject({ catchUps: 2, holes: 1, recovered: 2, deliveries: 2 });
  });

  it("count errors by code", async () => {
    const { chat } = openChat();
    const ann = await FakeClient.greeted(chat);
    await ann.ask({ type: "join", room: "lobby" });
    await ann.ask({ type: "message", room: "elsewhere", key: "k", text: "hello" });
    await ann.ask({ type: "message", room: "lobby", key: "l", text: "" });
    await ann.ask({ type: "message", room: "lobby", key: "m", text: "" });
    expect([...chat.counters.errors]).toEqual([
      ["not-joined", 1],
      ["text-empty", 2],
    ]);
  });
});

describe("latencies", () => {
  it("fall into the bucket whose end they do not exceed, and what is longer than all into the last", () => {
    const latencies = new Latencies();
    for (const end of ACK_BUCKETS) latencies.observe(end * 1000);
    latencies.observe(60_000);
    latencies.observe(0);
    expect(latencies.counts).toEqual([2, ...ACK_BUCKETS.slice(1).map(() => 1), 1]);
    expect(latencies.sum).toBeCloseTo(ACK_BUCKETS.reduce((sum, end) => sum + end, 60));
  });
});

it("messages that leave in one write are counted one by one, and a reader that was closed is not", () => {
  const counters = new Counters();
  const outbox = new Outbox(5, counters);
  const [ann, ben, old, slow] = [
    new FakeConnection(),
    new FakeConnection(),
    new FakeConnection(HANDLE_CODEC),
    new FakeConnection(),
  ];
  for (const connection of [ann, ben, old, slow]) outbox.add(connection);
  slow.waiting = 1024 * 1024 + 1;
  for (const text of ["one", "two", "three"]) {
    outbox.push(
      entryOf("1-1", "0-0", `"type":"message","room":"r","user":"u","handle":"h","text":"${text}"}`),
    );
  }
  outbox.flush();
  expect(ann.writes).toHaveLength(1);
  expect(counters).toMatchObject({ deliveries: 3 * 3, batches: 1 });
  const written = [ann, ben, old].flatMap(({ writes }) => writes);
  expect(counters.deliveredBytes).toBe(written.reduce((sum, { length }) => sum + length, 0));
});

it("ephemeral events that slow readers do not get are counted per reader", () => {
  const counters = new Counters();
  const outbox = new Outbox(0, counters);
  const readers = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
  for (const connection of readers) outbox.add(connection);
  for (const busy of readers.slice(1)) busy.waiting = 64 * 1024 + 1;
  outbox.ephemeral([{ payload: Buffer.from('{"type":"typing"}'), except: undefined }]);
  expect(counters.droppedHints).toBe(2);
});
