import { beforeEach, describe, expect, it, vi } from "vitest";
import { ERRORS } from "../../../src/protocol/codes.ts";
import { HANDLE_CODEC, PLAIN_CODEC, USERNAME_CODEC } from "../../../src/transport/codecs/plain.ts";
import { FakeClient, openChat, settle } from "../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../kit/fakes/fake-connection.ts";
import { MESSAGES, openApi, withKey } from "../../kit/servers/api.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

describe("a handle", () => {
  it.each([
    ["  Ann  ", "Ann"],
    ["\uff21nn", "Ann"],
    ["<b>Ann</b>", "<b>Ann</b>"],
    ["\u{1f600}".repeat(32), "\u{1f600}".repeat(32)],
  ])("%j is shown as %j", async (handle, shown) => {
    const { chat } = openChat();
    expect(await new FakeClient(chat).ask({ type: "hello", handle })).toMatchObject({
      user: { handle: shown },
    });
  });

  it.each([undefined, "", "  ", "\u3000"])("of %j is a guest's, the same every time", async (handle) => {
    const { chat } = openChat();
    const hello = { type: "hello", ...(handle === undefined ? {} : { handle }) };
    const names = [
      await new FakeClient(chat, "gabcd").ask(hello),
      await new FakeClient(chat, "gabcd").ask(hello),
    ];
    expect(names.map(({ user }) => user)).toEqual(Array(2).fill({ id: "gabcd", handle: "guest-abcd" }));
  });

  it.each([
    ["longer than 32 characters", "x".repeat(33)],
    ["with a control character", "A\u0007nn"],
    ["with a character that turns the text around", "A\u202enn"],
    ["with an invisible character", "A\u200bnn"],
    ["with half a character", "A\ud800"],
    ["of the chat's own", "System"],
    ["that looks like the chat's own", "\u0455y\u0455t\u0435m"],
  ])("%s is refused, and the client may try another", async (_case, handle) => {
    const { chat } = openChat();
    const client = new FakeClient(chat);
    expect(await client.ask({ type: "hello", handle })).toMatchObject({ code: "bad-handle" });
    expect(await client.ask({ type: "join", room: "lobby" })).toMatchObject({ code: "hello-first" });
    expect(await client.ask({ type: "hello", handle: "Ann" })).toMatchObject({ type: "welcome" });
  });

  it("may be changed by a later hello, and the next message carries it", async () => {
    const { chat } = openChat();
    const client = await FakeClient.in(chat, "lobby", {}, "Ann");
    const user = client.connection.framesOf("welcome")[0]?.["user"];
    expect(await client.ask({ type: "hello", handle: "Anna" })).toMatchObject({
      user: { ...(user as object), handle: "Anna" },
    });
    await client.ask({ type: "message", room: "lobby", key: "k", text: "t" });
    expect(client.connection.framesOf("message")[0]).toMatchObject({ handle: "Anna" });
    expect(await client.ask({ type: "hello" })).toMatchObject({ user: { handle: "Anna" } });
  });
});

describe("a text", () => {
  it.each([
    ["is trimmed", "  hi\n", "hi"],
    ["keeps the indentation of its first line", "    if x:\n        y\n", "    if x:\n        y"],
    ["keeps an indentation by a tab", "\tif x:\n\t\ty", "\tif x:\n\t\ty"],
    ["keeps the indentation of its first line after blank ones", "\r\n \t\r\n  a\r\nb", "  a\nb"],
    ["of one line after blank ones is trimmed", "\n \n  hi", "hi"],
    ["keeps tabs and newlines inside", "a\tb\nc", "a\tb\nc"],
    ["loses other control characters", "a\u0000b\u001b[1mc\u0085d\u007f", "ab[1mcd"],
    ["has one kind of line end", "a\r\nb\rc", "a\nb\nc"],
    ["has no half characters", "a\ud800b", "a\ufffdb"],
    ["keeps markup as text", "<script>", "<script>"],
    ["is counted in code points", "\u{1f600}".repeat(2_000), "\u{1f600}".repeat(2_000)],
    ["is counted after trimming", `${"x".repeat(2_000)}   `, "x".repeat(2_000)],
  ])("%s", async (_case, text, stored) => {
    const { chat } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    await client.ask({ type: "message", room: "lobby", key: "k", text });
    expect(client.texts).toEqual([stored]);
  });

  it.each([
    ["of nothing but control characters", "\u0000\u0007", "text-empty"],
    ["one code point too long", "x".repeat(2_001), "text-too-long"],
    ["one code point too long, of two units each", "\u{1f600}".repeat(2_001), "text-too-long"],
  ])("%s is refused", async (_case, text, code) => {
    const { chat, log: store } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text })).toMatchObject({ code });
    expect(store.appends).toEqual([]);
  });
});

/** What code uses to tell one thing from another: none of it means anything in what a user writes. */
const CODE_WORDS = [
  ...Object.keys(ERRORS),
  ...["undefined", "null", "true", "NaN", "ok", "error", "code", "type", "message"],
  ...["__proto__", "constructor", "toString", "[object Object]"],
];

describe.each(CODE_WORDS)("the word %j", (word) => {
  it("is a handle and a text like any other on a v1 socket", async () => {
    const { chat } = openChat();
    const client = await FakeClient.in(chat, "lobby", {}, word);
    expect(client.connection.framesOf("welcome")[0]).toMatchObject({ user: { handle: word } });
    expect(
      await client.ask({ type: "message", room: "lobby", key: word.replace(/\W/g, "_"), text: word }),
    ).toMatchObject({ type: "ack" });
    expect(client.connection.framesOf("message")[0]).toMatchObject({ handle: word, text: word });
  });

  it.each([PLAIN_CODEC, HANDLE_CODEC, USERNAME_CODEC])("is both on a plain socket: $name", async (codec) => {
    const { chat, log: store } = openChat();
    const connection = new FakeConnection(codec);
    const session = chat.connectPlain(connection, "gabcd", { room: "lobby", after: undefined, limit: 0 });
    await settle();
    session.onFrame(JSON.stringify({ handle: word, text: word }));
    await settle();
    const [entry] = store.entries("lobby");
    expect(JSON.parse(entry?.frame.toString() ?? "{}")).toMatchObject({ handle: word, text: word });
  });
});

it("a word of the code is a handle and a text like any other over HTTP", async () => {
  const app = await openApi({ messagesPerSecond: 0 });
  for (const word of CODE_WORDS) {
    const session = await app.inject({ method: "POST", url: "/api/session", payload: { handle: word } });
    expect(session.json()).toMatchObject({ user: { handle: word } });
    const payload = { handle: word, text: word };
    const said = await app.inject({ method: "POST", url: MESSAGES, headers: withKey(), payload });
    expect(said.statusCode).toBe(201);
    const [newest] = (await app.inject(`${MESSAGES}?limit=1`)).json().messages;
    expect(newest).toMatchObject({ handle: word, text: word });
  }
});
