import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { connectPlain, type PlainFrame, textsOf } from "../kit/clients/plain-client.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer({ env: { MESSAGES_PER_SECOND: "0" } });
});

const PATHS = ["/ws", "/", "/websocket"] as const;

function enter(path: (typeof PATHS)[number], room: string) {
  return connectPlain(server.wsUrl, { path, query: { room } });
}

function says(text: string) {
  return (frame: PlainFrame) => frame["text"] === text;
}

describe("the plain protocol", () => {
  it("is spoken at /ws, and at / and /websocket for the ancestors' own pages", async () => {
    const room = randomUUID();
    const clients = await Promise.all(PATHS.map((path) => enter(path, room)));
    for (const [index, client] of clients.entries()) {
      const text = `from ${PATHS[index]}`;
      client.send({ handle: "Ada", text });
      await Promise.all(clients.map((other) => other.waitFor(says(text), `"${text}" on every path`)));
    }
  });

  it("takes {handle,text} and {username,text} on every path and answers each path in its own keys", async () => {
    const room = randomUUID();
    const clients = await Promise.all(PATHS.map((path) => enter(path, room)));
    const [ws, root, websocket] = clients;
    root?.send({ handle: "Ada", text: "one" });
    await Promise.all(clients.map((client) => client.waitFor(says("one"))));
    websocket?.send({ username: "Bob", text: "two", colour: "blue" });
    await Promise.all(clients.map((client) => client.waitFor(says("two"))));

    const chat = (frame: PlainFrame) => ["one", "two"].includes(String(frame["text"]));
    expect(root?.frames.filter(chat)).toEqual([
      { handle: "Ada", text: "one" },
      { handle: "Bob", text: "two" },
    ]);
    expect(websocket?.frames.filter(chat)).toEqual([
      { username: "Ada", text: "one" },
      { username: "Bob", text: "two" },
    ]);
    const [first, second] = ws?.frames.filter(chat) ?? [];
    expect(first).toMatchObject({ type: "message", room, prev: "0-0", handle: "Ada", text: "one" });
    expect(second).toMatchObject({ type: "message", room, prev: first?.["id"], handle: "Bob", text: "two" });
  });

  it("escapes HTML on / and /websocket, whose pages insert it raw, and nowhere else", async () => {
    const room = randomUUID();
    const [ws, root, websocket] = await Promise.all(PATHS.map((path) => enter(path, room)));
    const v1 = await connectV1(server.wsUrl, { room });
    const handle = `<b>"A"</b>`;
    const text = `<img src=x onerror='alert("1")'> & more`;
    const escaped = {
      handle: "&lt;b&gt;&quot;A&quot;&lt;/b&gt;",
      text: "&lt;img src=x onerror=&#39;alert(&quot;1&quot;)&#39;&gt; &amp; more",
    };
    root?.send({ handle, text });
    expect(await ws?.waitFor(says(text))).toMatchObject({ handle, text });
    expect(await v1.waitForText(text)).toMatchObject({ handle, text });
    expect(await root?.waitFor(says(escaped.text))).toEqual(escaped);
    expect(await websocket?.waitFor(says(escaped.text))).toEqual({
      username: escaped.handle,
      text: escaped.text,
    });
  });

  it("refuses empty text with a sentence, and gives a handle to a client that gave none", async () => {
    const client = await enter("/ws", randomUUID());
    for (const text of ["", "  \n "]) {
      client.send({ handle: "Ada", text });
      const refusal = await client.waitForNext((frame) => frame["type"] === "error");
      expect(refusal).toMatchObject({ code: "text-empty", handle: "system", retryable: false });
      expect(refusal["text"]).toMatch(/\w+ \w+/);
    }
    for (const handle of [undefined, "", "  "]) {
      client.send({ handle, text: "hello" });
      const message = await client.waitForNext((frame) => frame["type"] === "message");
      expect(message["handle"]).toMatch(/\S/);
    }
  });

  it("shows a refusal to the ancestors' pages as a sentence of the system", async () => {
    const room = randomUUID();
    const [root, websocket] = await Promise.all([enter("/", room), enter("/websocket", room)]);
    root.send({ handle: "Ada", text: "" });
    websocket.send({ username: "Bob", text: "" });
    const refusal = await root.waitFor(
      (frame) => frame["handle"] === "system" && frame["code"] === "text-empty",
    );
    expect(refusal["text"]).toMatch(/\w+ \w+/);
    await websocket.waitFor((frame) => frame["username"] === "system" && frame["code"] === "text-empty");
  });

  it("keeps the name system, and what looks like it, for the server", async () => {
    const client = await enter("/ws", randomUUID());
    for (const handle of ["system", " System ", "s\u0443stem"]) {
      client.send({ handle, text: "trust me" });
      const answer = await client.waitForNext(
        (frame) => frame["type"] === "error" || frame["type"] === "message",
      );
      expect(answer).toMatchObject({ type: "error", code: "bad-handle" });
    }
  });

  it("is in the default room unless the address names one, and gets its newest 50 messages or fewer", async () => {
    const client = await connectPlain(server.wsUrl, {});
    client.send({ text: "in the lobby" });
    expect(await client.waitFor(says("in the lobby"))).toMatchObject({ room: "lobby" });

    const room = randomUUID();
    const sender = await enter("/ws", room);
    for (let n = 1; n <= 5; n++) {
      sender.send({ handle: "Ada", text: `message ${n}` });
      await sender.waitFor(says(`message ${n}`));
    }
    const late = await connectPlain(server.wsUrl, { query: { room, history: "2" } });
    await late.waitFor(says("message 5"));
    expect(textsOf(late.frames)).toEqual(["message 4", "message 5"]);

    const third = sender.frames.find(says("message 3"));
    const returned = await connectPlain(server.wsUrl, { query: { room, after: String(third?.["id"]) } });
    await returned.waitFor(says("message 5"));
    expect(textsOf(returned.frames)).toEqual(["message 4", "message 5"]);
  });

  it("greets a new client with the line of GREETING, once", async () => {
    const greeting = "Welcome home!";
    const { wsUrl } = await startServer({ env: { GREETING: greeting } });
    const plain = await connectPlain(wsUrl, { path: "/" });
    await plain.waitFor((frame) => frame["handle"] === "system" && frame["text"] === greeting);
    const v1 = await connectV1(wsUrl, { room: "lobby" });
    await v1.waitFor((frame) => frame.type === "notice" && frame.text === greeting);
    plain.send({ text: "hello" });
    await plain.waitFor(says("hello"));
    await v1.waitForText("hello");
    expect(plain.frames.filter(says(greeting))).toHaveLength(1);
    expect(v1.frames.filter((frame) => frame.type === "notice" && frame.text === greeting)).toHaveLength(1);
  });
});
