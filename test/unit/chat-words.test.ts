import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClient, openChat } from "../kit/fake-client.ts";

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
    ["longer than 32 code points", "x".repeat(33)],
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
    const { chat, log } = openChat();
    const client = await FakeClient.in(chat, "lobby");
    expect(await client.ask({ type: "message", room: "lobby", key: "k", text })).toMatchObject({ code });
    expect(log.appends).toEqual([]);
  });
});
