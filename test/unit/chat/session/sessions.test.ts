import { beforeEach, describe, expect, it, vi } from "vitest";
import { Guests } from "../../../../src/chat/guests.ts";
import { RequestQueue } from "../../../../src/chat/session/v1/request-queue.ts";
import { FakeClient, openChat, settle, textsOf } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";
import { deferred } from "../../../kit/vitest/wait-for.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

const GUEST_TOKEN = /^g\./;

describe("a connection's first frame", () => {
  it("is a hello, and nothing works before it", async () => {
    const { chat } = openChat();
    const client = new FakeClient(chat);
    for (const type of ["join", "leave", "history", "message"]) {
      const answer = await client.ask({ type, room: "lobby", key: "k", text: "t" });
      expect(answer).toMatchObject({ type: "error", code: "hello-first", retryable: false });
    }
    expect(await client.ask({ type: "ping" })).toMatchObject({ code: "hello-first" });
    expect(await client.ask({ type: "hello", handle: "Ann" })).toMatchObject({
      type: "welcome",
      user: { handle: "Ann" },
    });
  });

  it("comes within 5 s, else the connection is closed", async () => {
    const { chat } = openChat();
    const [silent, refused, greeted] = [new FakeClient(chat), new FakeClient(chat), new FakeClient(chat)];
    greeted.request({ type: "hello" });
    refused.request({ type: "hello", handle: "system" });
    await vi.advanceTimersByTimeAsync(4_900);
    expect(silent.connection.closedWith).toBeUndefined();
    await vi.advanceTimersByTimeAsync(700);
    expect(silent.connection.closedWith?.code).toBe(4408);
    expect(refused.connection.closedWith?.code).toBe(4408);
    expect(greeted.connection.closedWith).toBeUndefined();
  });

  it("may be followed at once by a join and a message", async () => {
    const { chat } = openChat();
    const client = new FakeClient(chat);
    const refs = [
      client.request({ type: "hello", handle: "Ann" }),
      client.request({ type: "join", room: "lobby" }),
      client.request({ type: "message", room: "lobby", key: "k", text: "hi" }),
      client.request({ type: "leave", room: "lobby" }),
      client.request({ type: "message", room: "lobby", key: "l", text: "too late" }),
    ];
    await settle();
    expect(refs.map((ref) => client.answer(ref)?.type)).toEqual(["welcome", "joined", "ack", "ok", "error"]);
    expect(client.texts).toEqual(["hi"]);
  });

  it("names the limits that hold here", async () => {
    const { chat } = openChat({
      maxTextLength: 7,
      messagesPerSecond: 3,
      messageBurst: 4,
      maxRoomsPerConnection: 2,
    });
    expect(await new FakeClient(chat).ask({ type: "hello" })).toMatchObject({
      pingMs: 25_000,
      limits: { textLength: 7, frameBytes: 32_768, messagesPerSecond: 3, burst: 4, rooms: 2 },
      token: expect.stringMatching(GUEST_TOKEN),
    });
  });
});

describe("each request", () => {
  it("is answered once, with its ref, whatever becomes of it", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    client.connection.take();
    const long = "x".repeat(2_001);
    store.answers.push(
      { outcome: "storage-full" },
      { outcome: "unavailable" },
      { outcome: "rate-limited", limit: "user", retryAfterMs: 70 },
    );
    const answers = new Map([
      [client.request({ type: "message", room: "lobby", key: "a", text: "t" }), "storage-full"],
      [client.request({ type: "message", room: "lobby", key: "a", text: "t" }), "unavailable"],
      [client.request({ type: "message", room: "lobby", key: "a", text: "t" }), "rate-limited"],
      [client.request({ type: "message", room: "lobby", key: "a", text: " \n " }), "text-empty"],
      [client.request({ type: "message", room: "lobby", key: "a", text: long }), "text-too-long"],
      [client.request({ type: "message", room: "other", key: "a", text: "t" }), "not-joined"],
      [client.request({ type: "history", room: "other" }), "not-joined"],
      [client.request({ type: "leave", room: "other" }), "not-joined"],
      [client.request({ type: "join", room: "-" }), "bad-room"],
      [client.request({ type: "join", room: "lobby", limit: 201 }), "bad-request"],
      [client.request({ type: "join", room: "lobby", after: "now" }), "bad-request"],
      [client.request({ type: "history", room: "lobby", limit: 0 }), "bad-request"],
      [client.request({ type: "history", room: "lobby", before: "1-1", after: "1-1" }), "bad-request"],
      [client.request({ type: "message", room: "lobby", key: "a b", text: "t" }), "bad-request"],
      [client.request({ type: "message", room: "lobby", key: "a", text: 7 }), "bad-request"],
      [client.request({ type: "hello", handle: "\u202ebad" }), "bad-handle"],
      [client.request({ type: "shout" }), "unknown-type"],
      [client.request({ type: "ping" }), undefined],
      [client.request({ type: "message", room: "lobby", key: "b", text: "t" }), undefined],
    ]);
    await settle();
    for (const [ref, code] of answers) {
      const frames = client.connection.frames.filter((frame) => frame["ref"] === ref);
      expect(
        frames.map((frame) => frame["code"]),
        `answers to ${ref}`,
      ).toEqual([code]);
    }
    const limited = client.connection.framesOf("error").find(({ code }) => code === "rate-limited");
    expect(limited).toMatchObject({ retryAfterMs: 70, retryable: true });
  });

  it("for one room takes effect in the order sent, and does not wait for another room", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "quick");
    const resume = store.pause();
    const joining = client.request({ type: "join", room: "slow" });
    const saying = client.request({ type: "message", room: "slow", key: "k", text: "hi" });
    client.request({ type: "typing", room: "quick", on: true });
    expect(await client.ask({ type: "leave", room: "quick" })).toMatchObject({ type: "ok" });
    expect([client.answer(joining), client.answer(saying)]).toEqual([undefined, undefined]);
    resume();
    await settle();
    expect([client.answer(joining)?.type, client.answer(saying)?.type]).toEqual(["joined", "ack"]);
  });

  it("may carry fields that are not known", async () => {
    const { chat } = openChat();
    const client = await FakeClient.in(chat, "lobby", { shiny: true });
    expect(await client.ask({ type: "ping", room: "not a room!", colour: 7 })).toMatchObject({
      type: "pong",
    });
    expect(
      await client.ask({ type: "message", room: "lobby", key: "k", text: "t", id: "9-9", user: "x" }),
    ).toMatchObject({ type: "ack" });
    expect(client.connection.framesOf("message")[0]).not.toMatchObject({ user: "x" });
  });

  it("of the same key gets the first one's id", async () => {
    const { chat } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    const message = { type: "message", room: "lobby", key: "k", text: "t" };
    const first = await client.ask(message);
    expect(await client.ask(message)).toMatchObject({
      type: "ack",
      key: "k",
      id: first["id"],
      duplicate: true,
    });
    expect(client.texts).toEqual(["t"]);
  });

  it("of rooms beyond the limit is refused, however many come at once", async () => {
    const { chat } = openChat({ maxRoomsPerConnection: 2 });
    const client = await FakeClient.greeted(chat);
    const refs = ["a", "b", "c", "d"].map((room) => client.request({ type: "join", room }));
    await settle();
    expect(refs.map((ref) => client.answer(ref)?.["code"])).toEqual([
      undefined,
      undefined,
      "too-many-rooms",
      "too-many-rooms",
    ]);
    expect(await client.ask({ type: "join", room: "a" })).toMatchObject({ type: "joined" });
    await client.ask({ type: "leave", room: "a" });
    expect(await client.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
  });

  it("of rooms that are not open is rejected if its address has opened as many as it may", async () => {
    const { chat } = openChat({ maxRoomsPerAddress: 2 });
    const [one, other] = [await FakeClient.greeted(chat), await FakeClient.greeted(chat)];
    const elsewhere = new FakeClient(chat, undefined, new FakeConnection(undefined, "192.0.2.2"));
    await elsewhere.ask({ type: "hello" });
    expect(await one.ask({ type: "join", room: "a" })).toMatchObject({ type: "joined" });
    expect(await other.ask({ type: "join", room: "b" })).toMatchObject({ type: "joined" });
    const refused = { code: "rate-limited", retryable: true, retryAfterMs: 10_000 };
    expect(await one.ask({ type: "join", room: "c" })).toMatchObject(refused);
    expect(chat.counters.limited.get("address-rooms")).toBe(1);
    expect(await one.ask({ type: "join", room: "b" })).toMatchObject({ type: "joined" });
    expect(await elsewhere.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
    expect(await one.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
    await one.ask({ type: "leave", room: "a" });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await one.ask({ type: "join", room: "d" })).toMatchObject({ type: "joined" });
  });

  it("that was rejected does not count against the limit", async () => {
    const { chat, log: store } = openChat({ maxRoomsPerConnection: 1 });
    const client = await FakeClient.greeted(chat);
    store.failing = true;
    expect(await client.ask({ type: "join", room: "a" })).toMatchObject({ code: "unavailable" });
    store.failing = false;
    expect(await client.ask({ type: "join", room: "b" })).toMatchObject({ type: "joined" });
  });

  it("is not handled for a connection that is gone", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.greeted(chat);
    const resume = store.pause();
    client.request({ type: "join", room: "lobby" });
    client.request({ type: "message", room: "lobby", key: "k", text: "t" });
    client.leaveAltogether();
    resume();
    await settle();
    expect(store.appends).toEqual([]);
    expect(chat.rooms.get("lobby")?.size ?? 0).toBe(0);
  });
});

describe("a request queue", () => {
  it("starts each task when the one before it ended, and reports once that none is left", async () => {
    const idle = vi.fn();
    const queue = new RequestQueue(idle);
    const first = deferred<void>();
    const began: string[] = [];
    queue.run(async () => {
      began.push("first");
      await first.promise;
    });
    queue.run(async () => void began.push("second"));
    await settle();
    expect([began, idle.mock.calls.length]).toEqual([["first"], 0]);
    first.resolve();
    await settle();
    expect([began, idle.mock.calls.length]).toEqual([["first", "second"], 1]);
  });
});

describe("a client that does not stop", () => {
  it.each(["nonsense", "[]", "null", "7", '"x"', "{}", '{"type":"join","ref":1}'])(
    "sending %s is closed at the 20th within 10 s",
    async (frame) => {
      const { chat } = openChat();
      const client = await FakeClient.greeted(chat);
      for (let i = 0; i < 19; i += 1) client.send(frame);
      expect(client.connection.closedWith).toBeUndefined();
      client.send(frame);
      expect(client.connection.closedWith?.code).toBe(4400);
    },
  );

  it("but errs rarely enough may stay", async () => {
    const { chat } = openChat();
    const client = await FakeClient.greeted(chat);
    for (let i = 0; i < 60; i += 1) {
      client.session.onFrame(undefined);
      await vi.advanceTimersByTimeAsync(550);
    }
    expect(client.connection.closedWith).toBeUndefined();
  });

  it("sending frames of a later version may stay", async () => {
    const { chat } = openChat();
    const client = await FakeClient.greeted(chat);
    for (let i = 0; i < 100; i += 1) client.request({ type: "react" });
    expect(client.connection.framesOf("error")).toHaveLength(100);
    expect(client.connection.closedWith).toBeUndefined();
  });

  it("sending too fast is closed at the 200th rejection, and told when to reconnect", async () => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    for (let i = 0; i < 200; i += 1)
      store.answers.push({ outcome: "rate-limited", limit: "user", retryAfterMs: 4_321 });
    for (let i = 0; i < 199; i += 1)
      client.request({ type: "message", room: "lobby", key: `k${i}`, text: "t" });
    await settle(40);
    expect(client.connection.closedWith).toBeUndefined();
    await client.ask({ type: "message", room: "lobby", key: "k", text: "t" });
    expect(client.connection.closedWith).toEqual({ code: 4429, reason: "4321" });
  });

  it("is limited over all its rooms by this process", async () => {
    const { chat, log: store } = openChat({ messagesPerSecond: 5, messageBurst: 3 });
    const client = await FakeClient.greeted(chat);
    for (const room of ["a", "b", "c", "d"]) await client.ask({ type: "join", room });
    const refs = ["a", "b", "c", "d"].map((room) =>
      client.request({ type: "message", room, key: "k", text: "t" }),
    );
    await settle();
    expect(refs.map((ref) => client.answer(ref)?.type)).toEqual(["ack", "ack", "ack", "error"]);
    expect(client.answer(refs[3] ?? 0)).toMatchObject({ code: "rate-limited", retryAfterMs: 200 });
    await vi.advanceTimersByTimeAsync(200);
    expect(await client.ask({ type: "message", room: "d", key: "k", text: "t" })).toMatchObject({
      type: "ack",
    });
    expect(store.appends).toHaveLength(4);
  });

  it("and does not read is closed, whatever it asks for", async () => {
    const { chat } = openChat();
    const client = await FakeClient.greeted(chat);
    client.connection.waiting = 1024 * 1024 + 1;
    client.request({ type: "ping" });
    expect(client.connection.closedWith?.code).toBe(4408);
  });
});

describe("a guest", () => {
  const options = { secret: ["one secret for all processes of this test"] };

  it("is the same user with the same token on another process", async () => {
    const [here, there] = [openChat(options), openChat(options)];
    const welcome = await new FakeClient(here.chat).ask({ type: "hello" });
    const again = await new FakeClient(there.chat).ask({ type: "hello", token: welcome["token"] });
    expect(again["user"]).toEqual(welcome["user"]);
  });

  it("is the same user while the secret is replaced, and gets a token of the new one", async () => {
    const [before, between, after] = [
      openChat(options),
      openChat({ secret: ["the secret that takes its place", ...options.secret] }),
      openChat({ secret: ["the secret that takes its place"] }),
    ];
    const first = await new FakeClient(before.chat).ask({ type: "hello" });
    const second = await new FakeClient(between.chat).ask({ type: "hello", token: first["token"] });
    const third = await new FakeClient(after.chat).ask({ type: "hello", token: second["token"] });
    expect([second["user"], third["user"]]).toEqual([first["user"], first["user"]]);
    expect(second["token"]).not.toBe(first["token"]);
    const late = await new FakeClient(after.chat).ask({ type: "hello", token: first["token"] });
    expect(late["user"]).not.toEqual(first["user"]);
  });

  it("is another user with a token that was not signed here", async () => {
    const { chat } = openChat(options);
    const user = chat.guests.create();
    const real = chat.guests.tokenFor(user) ?? "";
    const forged = new Guests(["another secret"]).tokenFor(user) ?? "";
    for (const token of [
      forged,
      `${real}A`,
      real.replace(user, chat.guests.create()),
      `g.${user}.`,
      "g.",
      "",
      "junk",
    ]) {
      const { user: got } = await new FakeClient(chat).ask({ type: "hello", token });
      expect(got, token).not.toMatchObject({ id: user });
    }
    expect(await new FakeClient(chat).ask({ type: "hello", token: real })).toMatchObject({
      user: { id: user },
    });
  });

  it("stays that user as long as the connection lasts", async () => {
    const { chat } = openChat(options);
    const client = await FakeClient.greeted(chat);
    const token = chat.guests.tokenFor(chat.guests.create());
    expect(await client.ask({ type: "hello", token })).toMatchObject({ code: "forbidden" });
  });

  it("of two browsers is two users, and the messages of each carry their user id", async () => {
    const { chat } = openChat(options);
    const [ann, ben] = [
      await FakeClient.in(chat, "lobby", {}, "Ann"),
      await FakeClient.in(chat, "lobby", {}, "Ben"),
    ];
    await ann.ask({ type: "message", room: "lobby", key: "k", text: "hi" });
    expect(ben.connection.framesOf("message")).toMatchObject([
      { user: ann.guest, handle: "Ann", text: "hi", key: "k" },
    ]);
    expect(textsOf(await ben.ask({ type: "history", room: "lobby" }))).toEqual(["hi"]);
  });
});
