import { beforeEach, describe, expect, it, vi } from "vitest";
import { entryOf } from "../../../../src/store/entry.ts";
import { FakeClient, idsOf, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import { inRoom } from "../../../kit/fakes/fake-room.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

describe("a message that was lost on the way", () => {
  it("is recovered in order, once, for all members, by one read", async () => {
    const { log: store, clients } = await inRoom(5);
    store.store("lobby", { text: "one" });
    store.store("lobby", { text: "two", published: false });
    store.store("lobby", { text: "three" });
    await settle();
    for (const client of clients) expect(client.texts).toEqual(["one", "two", "three"]);
    expect(store.reads).toHaveLength(1);
  });

  it("is not looked for again when its own ack would be overdue", async () => {
    const { log: store, ann } = await inRoom();
    store.deaf = true;
    expect(await ann.ask({ type: "message", room: "lobby", key: "k", text: "one" })).toMatchObject({
      type: "ack",
    });
    store.deaf = false;
    store.store("lobby", { text: "two" });
    await settle();
    expect(ann.texts).toEqual(["one", "two"]);
    expect(store.reads).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(store.reads).toHaveLength(1);
  });

  it("is found if nothing comes after it, because its ack came and it did not", async () => {
    const { log: store, ann, ben } = await inRoom();
    store.deaf = true;
    await ann.ask({ type: "message", room: "lobby", key: "k", text: "one" });
    expect(ben.texts).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ben.texts).toEqual(["one"]);
  });

  it("is found within a minute in a quiet room, because the store's newest id is another", async () => {
    const { log: store, ben } = await inRoom();
    store.store("lobby", { text: "one", published: false });
    await vi.advanceTimersByTimeAsync(60_500);
    expect(ben.texts).toEqual(["one"]);
  });

  it("is broadcast with all others, if more large ones were lost than one read brings", async () => {
    const { log: store, ann, logger } = await inRoom();
    const lost = store.fill("lobby", 50, "x".repeat(8_000));
    const last = store.store("lobby");
    await settle();
    expect(ann.ids).toEqual([...lost, last].map(({ id }) => id));
    expect(logger.lines.filter(({ fields }) => "event" in fields && fields.event === "not-stored")).toEqual(
      [],
    );
  });
});

describe("what arrives", () => {
  it("twice is shown once", async () => {
    const { log: store, ann } = await inRoom();
    const one = store.store("lobby", { text: "one" });
    store.publish("lobby", one.frame);
    const two = store.store("lobby", { text: "two" });
    store.publish("lobby", one.frame);
    store.publish("lobby", two.frame);
    await settle();
    expect(ann.texts).toEqual(["one", "two"]);
    expect(store.reads).toEqual([]);
  });

  it("out of order is shown in order", async () => {
    const { log: store, ann } = await inRoom();
    const late = ["one", "two", "three", "four"].map((text) =>
      store.store("lobby", { text, published: false }),
    );
    for (const entry of [...late].reverse()) store.publish("lobby", entry.frame);
    await settle();
    expect(ann.texts).toEqual(["one", "two", "three", "four"]);
    expect(store.reads).toHaveLength(1);
  });

  it("out of order while the store is being read is shown in order, once", async () => {
    const { log: store, ann } = await inRoom();
    const resume = store.pause();
    store.store("lobby", { text: "one", published: false });
    store.store("lobby", { text: "two" });
    const later = ["three", "four", "five"].map((text) => store.store("lobby", { text, published: false }));
    for (const entry of [...later].reverse()) store.publish("lobby", entry.frame);
    resume();
    await settle();
    expect(ann.texts).toEqual(["one", "two", "three", "four", "five"]);
  });

  it("and is not in the store is not shown, and what is in the store is", async () => {
    const { log: store, ann, logger } = await inRoom();
    const forged = entryOf(
      "1000000-1",
      "999-1",
      '"type":"message","room":"lobby","user":"u","handle":"h","text":"forged"}',
    );
    store.publish("lobby", forged.frame);
    await settle();
    store.store("lobby", { text: "one" });
    await settle();
    expect(ann.texts).toEqual(["one"]);
    expect(logger.lines.map(({ fields }) => fields)).toContainEqual({
      event: "not-stored",
      room: "lobby",
      count: 1,
    });
  });

  it("and claims to continue the room, but is not in the store, ends in a fresh start before the next message", async () => {
    const { log: store, ann } = await inRoom();
    const real = store.head("lobby");
    const forged = entryOf(
      "1000000-1",
      real,
      '"type":"message","room":"lobby","user":"u","handle":"h","text":"forged"}',
    );
    store.publish("lobby", forged.frame);
    ann.connection.take();
    store.store("lobby", { text: "one" });
    await settle();
    const [first] = ann.connection.take();
    expect(first).toMatchObject({ type: "joined", recovered: false, head: store.head("lobby") });
    expect(textsOf(first ?? {}).at(-1)).toBe("one");
  });

  const message = '"type":"message","room":"lobby","user":"u","handle":"h","text":"bad"';
  it.each([
    [
      "is no UTF-8",
      Buffer.concat([
        Buffer.from('{"id":"9999-1","prev":"P",'),
        Buffer.from([0xff]),
        Buffer.from(`${message}}`),
      ]),
    ],
    [
      "holds a broken character",
      (p: string) =>
        Buffer.concat([
          Buffer.from(`{"id":"9999-1","prev":"${p}",${message.slice(0, -1)}`),
          Buffer.from([0xc3, 0x28]),
          Buffer.from('"}'),
        ]),
    ],
    [
      "is of another room",
      (p: string) => entryOf("9999-1", p, `${message.replace("lobby", "other")}}`).frame,
    ],
    ["has a second id", (p: string) => entryOf("9999-1", p, `${message},"id":"5-5"}`).frame],
    ["has a second prev", (p: string) => entryOf("9999-1", p, `${message},"prev":"5-5"}`).frame],
    ["is cut off", (p: string) => entryOf("9999-1", p, message).frame],
    ["has no text", (p: string) => entryOf("9999-1", p, `${message.replace(',"text":"bad"', "")}}`).frame],
    ["has an id that is none", (p: string) => entryOf("new", p, `${message}}`).frame],
    ["has its id escaped", (p: string) => entryOf("\\u0039999-1", p, `${message}}`).frame],
    ["is a list", () => Buffer.from('[{"id":"9999-1"}]')],
    ["is empty", () => Buffer.alloc(0)],
    ["begins like an entry and is nothing", () => Buffer.from('{"id":"')],
  ])("and %s is skipped, and the room goes on", async (_case, payload) => {
    const { log: store, ann } = await inRoom();
    const before = ann.connection.take().length;
    store.publish("lobby", typeof payload === "function" ? payload(store.head("lobby")) : payload);
    await settle();
    store.store("lobby", { text: "one" });
    await settle();
    expect(before).toBeGreaterThan(0);
    expect(ann.connection.take().filter(({ type }) => type !== "presence")).toMatchObject([
      { type: "message", text: "one" },
    ]);
    expect(store.reads).toEqual([]);
  });

  it("of an unknown type is passed on, because it moves the cursor", async () => {
    const { log: store, ann } = await inRoom();
    store.publish(
      "lobby",
      entryOf("9999-1", store.head("lobby"), '"type":"pinned","room":"lobby","target":"1-1"}').frame,
    );
    expect(ann.connection.framesOf("pinned")).toHaveLength(1);
  });
});

describe("a stream that does not continue what the members have", () => {
  it("is told before any later message, with its newest", async () => {
    const { log: store, ann, ben } = await inRoom(2, 10);
    ann.connection.take();
    ben.connection.take();
    store.lose("lobby", 4);
    store.store("lobby", { text: "after" });
    await settle();
    store.store("lobby", { text: "later" });
    for (const client of [ann, ben]) {
      const [joined, ...rest] = client.connection.take().filter(({ type }) => type !== "presence");
      expect(joined).toMatchObject({ type: "joined", recovered: false });
      expect(joined).not.toHaveProperty("ref");
      expect(textsOf(joined ?? {}).at(-1)).toBe("after");
      expect(rest).toMatchObject([{ type: "message", text: "later" }]);
    }
  });

  it("and goes on while that is read loses nothing of what comes", async () => {
    const { log: store, ann } = await inRoom(2, 10);
    ann.connection.take();
    store.lose("lobby", 4);
    store.store("lobby", { text: "first" });
    let told = false;
    store.meanwhile = () => {
      if (told || store.reads.length < 2) return;
      told = true;
      store.store("lobby", { text: "meanwhile" });
    };
    await settle();
    const [joined, ...rest] = ann.connection.take().filter(({ type }) => type !== "presence");
    const texts = [...textsOf(joined ?? {}), ...rest.map((frame) => frame["text"])];
    expect(told).toBe(true);
    expect(texts.slice(-2)).toEqual(["first", "meanwhile"]);
  });

  it("or by more than a catch-up reads restarts the members", async () => {
    const { log: store, ann } = await inRoom(2, 3);
    ann.connection.take();
    const missed = store.fill("lobby", 1_500);
    const last = store.store("lobby");
    await settle(40);
    const frames = ann.connection.take().filter(({ type }) => type !== "presence");
    expect(frames).toMatchObject([{ type: "joined", recovered: false, more: true, head: last.id }]);
    expect(idsOf(frames[0] ?? {})).toEqual([...missed.slice(-49), last].map(({ id }) => id));
  });

  it("because it was emptied leaves the members with nothing, and the next message is the first", async () => {
    const { log: store, ann } = await inRoom(2, 5);
    ann.connection.take();
    store.rooms.clear();
    store.store("lobby", { text: "new", id: "1-1" });
    await settle();
    const frames = ann.connection.take().filter(({ type }) => type !== "presence");
    expect(frames).toMatchObject([
      { type: "joined", recovered: false, messages: [{ text: "new" }], more: false },
    ]);
  });
});

describe("while the store is away", () => {
  it("joins are rejected, and succeed when it is back", async () => {
    const { chat, log: store } = await inRoom();
    store.down();
    const client = await FakeClient.greeted(chat);
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({
      code: "unavailable",
      retryable: true,
    });
    expect(await client.ask({ type: "join", room: "new" })).toMatchObject({ code: "unavailable" });
    await store.up();
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ type: "joined" });
    expect(await client.ask({ type: "join", room: "new" })).toMatchObject({ type: "joined" });
  });

  it("messages of other processes come before the status that the chat is live again", async () => {
    const { log: store, ann } = await inRoom();
    store.down();
    store.store("lobby", { text: "missed", published: false });
    ann.connection.take();
    await store.up();
    expect(ann.connection.take().filter(({ type }) => type !== "presence")).toMatchObject([
      { type: "message", text: "missed" },
      { type: "status", live: true },
    ]);
  });

  it("a room whose catch-up failed rejects joins, and recovers by itself", async () => {
    const { chat, log: store, ann } = await inRoom();
    store.failing = true;
    store.store("lobby", { text: "one", published: false });
    store.store("lobby", { text: "two" });
    await settle();
    const client = await FakeClient.greeted(chat);
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "unavailable" });
    store.failing = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ann.texts).toEqual(["one", "two"]);
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ type: "joined" });
  });

  it("and does not answer, a join is rejected within 2 s, and does not succeed later", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.greeted(chat);
    const resume = store.pause();
    const ref = client.request({ type: "join", room: "lobby" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client.answer(ref)).toMatchObject({ code: "unavailable" });
    resume();
    await settle();
    store.store("lobby");
    expect(client.connection.framesOf("joined")).toEqual([]);
    expect(client.texts).toEqual([]);
  });

  it("and does not answer, a page of history is refused within 2 s, however many reads it waits for", async () => {
    const { log: store, ann } = await inRoom();
    const resume = store.pause();
    store.store("lobby", { published: false });
    store.store("lobby");
    const ref = ann.request({ type: "history", room: "lobby" });
    await vi.advanceTimersByTimeAsync(1_500);
    resume();
    store.pause();
    await vi.advanceTimersByTimeAsync(500);
    expect(ann.answer(ref)).toMatchObject({ code: "unavailable" });
  });
});
