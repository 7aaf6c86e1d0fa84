import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Chat } from "../../../../src/chat/chat.ts";
import type { Codec } from "../../../../src/chat/connection.ts";
import { HANDLE_CODEC, PLAIN_CODEC, USERNAME_CODEC } from "../../../../src/transport/codecs/plain.ts";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

interface Visit {
  readonly after?: string;
  readonly limit?: number;
}

async function plainClient(chat: Chat, codec: Codec = PLAIN_CODEC, { after, limit = 50 }: Visit = {}) {
  const connection = new FakeConnection(codec);
  const session = chat.connectPlain(connection, chat.guests.create(), { room: "lobby", after, limit });
  await settle();
  const say = async (frame: unknown) => {
    session.onFrame(typeof frame === "string" ? frame : JSON.stringify(frame));
    await settle();
  };
  return { connection, session, say, texts: () => connection.frames.map((frame) => frame["text"]) };
}

const MARKUP = `<b>&"'</b>`;
const ESCAPED = "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;";

describe("a plain client", () => {
  it.each([
    ["/", HANDLE_CODEC, { handle: ESCAPED, text: ESCAPED }],
    ["/websocket", USERNAME_CODEC, { username: ESCAPED, text: ESCAPED }],
  ])("on %s gets exactly a name and a text, escaped, in history and live", async (_path, codec, message) => {
    const { chat } = openChat();
    const { say } = await plainClient(chat);
    await say({ handle: MARKUP, text: MARKUP });
    const reader = await plainClient(chat, codec);
    await say({ username: MARKUP, text: MARKUP });
    expect(reader.connection.frames).toEqual([message, message]);
  });

  it("on /ws gets the whole message, raw", async () => {
    const { chat, log: store } = openChat();
    const { say, connection } = await plainClient(chat);
    await say({ handle: MARKUP, text: MARKUP, colour: "red" });
    const [entry] = store.entries("lobby");
    expect(connection.frames).toEqual([JSON.parse(entry?.frame.toString() ?? "")]);
    expect(connection.frames[0]).toMatchObject({ type: "message", handle: MARKUP, text: MARKUP });
  });

  it.each([
    [PLAIN_CODEC, "handle"],
    [HANDLE_CODEC, "handle"],
    [USERNAME_CODEC, "username"],
  ])("of each kind gets notices of the server from the handle system: $0.name", async (codec, key) => {
    const { chat, log: store } = openChat({ greeting: "Be <kind>" });
    const { connection, say } = await plainClient(chat, codec);
    await say("nonsense");
    store.down();
    const [notice, error, status] = connection.frames;
    const kind = codec === PLAIN_CODEC ? "<kind>" : "&lt;kind&gt;";
    expect(notice).toMatchObject({ type: "notice", [key]: "system", text: `Be ${kind}` });
    expect(error).toMatchObject({
      type: "error",
      code: "bad-frame",
      [key]: "system",
      text: expect.stringMatching(/./),
    });
    expect(status).toMatchObject({
      type: "status",
      live: false,
      [key]: "system",
      text: expect.stringMatching(/./),
    });
    expect(connection.frames).toHaveLength(3);
  });

  it("gets the history, oldest first, then what is live", async () => {
    const { chat, log: store } = openChat();
    for (let i = 0; i < 60; i += 1) store.store("lobby", { text: `${i}`, published: false });
    const { texts } = await plainClient(chat);
    store.store("lobby", { text: "live" });
    expect(texts()).toEqual([...Array.from({ length: 50 }, (_, i) => `${i + 10}`), "live"]);
  });

  it("with a cursor gets all after it, or is told that some are missing", async () => {
    const { chat, log: store } = openChat();
    const entries = store.fill("lobby", 10);
    const known = await plainClient(chat, PLAIN_CODEC, { after: entries[6]?.id ?? "", limit: 200 });
    expect(known.connection.frames.map(({ id }) => id)).toEqual(entries.slice(7).map(({ id }) => id));
    const unknown = await plainClient(chat, PLAIN_CODEC, { after: "1-1", limit: 200 });
    expect(unknown.connection.frames.map(({ type }) => type)).toEqual([
      "notice",
      ...Array(10).fill("message"),
    ]);
  });

  it("with a cursor gets more than one answer carries, without a gap before what is live", async () => {
    const { chat, log: store } = openChat();
    const [first, ...missed] = store.fill("lobby", 731);
    const { connection } = await plainClient(chat, PLAIN_CODEC, { after: first?.id ?? "", limit: 200 });
    for (let i = 0; i < 5; i++) await settle();
    const live = store.store("lobby", { text: "live" });
    await settle();
    expect(connection.frames.map(({ id }) => id)).toEqual([...missed, live].map(({ id }) => id));
  });

  it("is told of a stream that was reset: a notice, then the newest, then what is later", async () => {
    const { chat, log: store } = openChat();
    store.fill("lobby", 5);
    const { connection } = await plainClient(chat);
    connection.take();
    store.lose("lobby", 3);
    store.store("lobby", { text: "new" });
    await settle();
    store.store("lobby", { text: "later" });
    expect(connection.take().map(({ type, text }) => (type === "notice" ? type : text))).toEqual([
      "notice",
      "text",
      "text",
      "new",
      "later",
    ]);
  });

  it("never gets presence, typing, pings or restarts", async () => {
    const { chat } = openChat();
    const { connection, session } = await plainClient(chat);
    const ann = await FakeClient.in(chat, "lobby", {}, "Ann");
    ann.send({ type: "typing", room: "lobby", on: true });
    session.send({ type: "ping" });
    session.send({ type: "restart", reconnectInMs: 5 });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(connection.writes).toEqual([]);
  });

  it.each([
    ["no JSON", "hello", "bad-frame"],
    ["a list", "[]", "bad-frame"],
    ["null", "null", "bad-frame"],
    ["no text", "{}", "bad-request"],
    ["a text that is none", '{"text":7}', "bad-request"],
    ["a handle that is none", '{"handle":7,"text":"t"}', "bad-request"],
    ["an empty text", '{"handle":"Ann","text":" "}', "text-empty"],
    ["too long a text", JSON.stringify({ text: "x".repeat(2_001) }), "text-too-long"],
    ["the system's name", '{"handle":"SYSTEM","text":"t"}', "bad-handle"],
  ])("that sends %s is told why, and the others are not", async (_case, frame, code) => {
    const { chat, log: store } = openChat();
    const [bad, other] = [await plainClient(chat), await plainClient(chat)];
    await bad.say(frame);
    expect(bad.connection.frames).toMatchObject([{ type: "error", code, handle: "system" }]);
    await bad.say({ handle: "Ann", text: "good" });
    expect(other.texts()).toEqual(["good"]);
    expect(store.appends).toHaveLength(1);
  });

  it("without a handle is a guest; with one it keeps that from then on", async () => {
    const { chat } = openChat();
    const { say, connection } = await plainClient(chat);
    await say({ text: "one" });
    await say({ username: "Ann", text: "two" });
    await say({ handle: "", text: "three" });
    expect(connection.frames.map(({ handle }) => handle)).toEqual([
      expect.stringMatching(/^guest-/),
      "Ann",
      "Ann",
    ]);
  });

  it("that sends before it has entered publishes after the history", async () => {
    const { chat, log: store } = openChat();
    store.store("lobby", { text: "old", published: false });
    const resume = store.pause();
    const { say, texts } = await plainClient(chat);
    await say({ text: "mine" });
    resume();
    await settle();
    expect(texts()).toEqual(["old", "mine"]);
  });

  it("that came while the store was away enters when it is back", async () => {
    const { chat, log: store } = openChat();
    store.store("lobby", { text: "old", published: false });
    store.down();
    const { connection, say } = await plainClient(chat);
    await say({ text: "lost" });
    await store.up();
    await settle();
    const said = connection.frames.map(
      ({ type, live, code, text }) => code ?? (type === "status" ? live : text),
    );
    expect(said).toEqual([false, "unavailable", true, "old"]);
  });

  it("that came while the store was slow enters when it answers, without being told that it was away", async () => {
    const { chat, log: store } = openChat();
    store.store("lobby", { text: "old", published: false });
    const resume = store.pause();
    const { texts } = await plainClient(chat);
    await vi.advanceTimersByTimeAsync(2_500);
    resume();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(texts()).toEqual(["old"]);
  });

  it("that has disconnected enters no room", async () => {
    const { chat, log: store } = openChat();
    const resume = store.pause();
    const { session, connection } = await plainClient(chat);
    chat.disconnect(session);
    resume();
    await settle();
    store.store("lobby");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(connection.writes).toEqual([]);
    expect(chat.rooms.get("lobby")?.size ?? 0).toBe(0);
  });
});
