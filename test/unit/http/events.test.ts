import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { describe, expect, it, vi } from "vitest";
import { CLOSE } from "../../../src/protocol/codes.ts";
import { BEGINNING } from "../../../src/protocol/ids.ts";
import { readEvents } from "../../kit/clients/event-reader.ts";
import { FakeStore } from "../../kit/fakes/fake-store.ts";
import { openApi, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

/** A chat that listens, on a stream that the test holds. */
async function listening(options: Parameters<typeof openApi>[0] = {}) {
  const store = new FakeStore();
  const app = await openApi({ store, ...options });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const events = (headers: Record<string, string> = {}, room = "lobby") =>
    readEvents(`${url}/api/rooms/${room}/events`, headers);
  return { log: store, app, url, events };
}

function sessions(app: FastifyInstance): number {
  return app.dynochat.chat.size;
}

describe("an event stream", () => {
  it("begins with what comes next: each message with its id, as its frame was stored", async () => {
    const { log: store, events } = await listening();
    const before = store.store("lobby", { text: "before" });
    const reader = await events();
    expect(reader.answer.status).toBe(200);
    expect(reader.answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(reader.answer.headers.get("cache-control")).toBe("no-store, no-transform");
    expect(reader.answer.headers.get("x-accel-buffering")).toBe("no");
    const joined = await reader.waitFor("joined");
    expect(joined).toMatchObject({
      id: before.id,
      data: { head: before.id, recovered: true, present: { count: 1 } },
    });
    const next = store.store("lobby", { text: "two\nlines" });
    const event = await reader.waitForText("two\nlines");
    expect(event.id).toBe(next.id);
    expect(event.data).toEqual(JSON.parse(next.frame.toString()));
    expect(reader.texts()).toEqual(["two\nlines"]);
  });

  it("ends at once where its request was sent behind another one on the same connection, which it would outlive unseen", async () => {
    const { app, url } = await listening();
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    afterwards(() => socket.destroy());
    let received = "";
    let ended = false;
    socket.on("data", (bytes) => {
      received += bytes.toString();
    });
    socket.on("close", () => {
      ended = true;
    });
    const requests = ["/api/rooms/lobby/messages", "/api/rooms/lobby/events"];
    socket.write(
      requests.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`).join(""),
    );
    await waitFor(() => ended, "the connection's end");
    expect(received).toContain(`event: close\ndata: {"type":"close","code":${CLOSE.overloaded}`);
    expect(sessions(app)).toBe(0);
  });

  it("continues after Last-Event-ID, however much was missed, in order, once, and then live", async () => {
    const { log: store, events } = await listening();
    const [first, ...missed] = store.fill("lobby", 731, "missed");
    const reader = await events({ "last-event-id": first?.id ?? "" });
    await reader.waitFor("joined");
    const live = store.store("lobby", { text: "live" });
    await reader.waitForText("live");
    const ids = reader.events.filter(({ name }) => name === "message").map(({ id }) => id);
    expect(ids).toEqual([...missed, live].map(({ id }) => id));
    expect(reader.events.some(({ name }) => name === "reset")).toBe(false);
  });

  it("restarts if the store does not continue from there: reset, then the newest 50, then live", async () => {
    const { log: store, events } = await listening();
    const entries = store.fill("lobby", 80);
    store.trim("lobby", 10);
    for (const lost of [entries[3]?.id ?? "", "9-9", BEGINNING]) {
      const reader = await events({ "last-event-id": lost });
      const { head } = (await reader.waitFor("joined")).data;
      expect(head).toBe(entries.at(-1)?.id);
      const [reset, ...rest] = reader.events.filter(({ name }) => name === "reset" || name === "message");
      expect(reset).toMatchObject({ name: "reset", data: { recovered: false, room: "lobby" } });
      expect(rest.map(({ id }) => id)).toEqual(entries.slice(-50).map(({ id }) => id));
      reader.close();
    }
  });

  it("restarts when the store turns out to have lost its newest entries while it is open", async () => {
    const { log: store, events } = await listening();
    store.fill("lobby", 3);
    const reader = await events();
    await reader.waitFor("joined");
    store.lose("lobby", 2);
    store.store("lobby", { text: "another history" });
    await reader.waitFor("reset");
    await reader.waitForText("another history");
  });

  it("is a member of its room: it is present while it is open, and gone when it is closed", async () => {
    const { app, url, events } = await listening();
    const one = await events();
    const { handle } = (await one.waitFor("joined")).data;
    const other = await events();
    const { present } = (await other.waitFor("joined")).data;
    expect(present?.users.map((user) => user.handle)).toContain(handle);
    expect(present?.count).toBe(2);
    const change = await one.waitFor("presence", ({ data }) => data.count === 2);
    expect(change.data.room).toBe("lobby");
    other.close();
    await one.waitFor("presence", ({ data }) => data.count === 1);
    const people = await (await fetch(`${url}/api/rooms/lobby/presence`)).json();
    expect(people).toMatchObject({ count: 1, users: [{ handle }] });
    expect(sessions(app)).toBe(1);
  });

  it("says that the store is away and back, stays open, and misses nothing", async () => {
    const { log: store, events } = await listening();
    const reader = await events();
    await reader.waitFor("joined");
    store.down();
    expect((await reader.waitFor("status", ({ data }) => !data.live)).data.reason).not.toBe("");
    store.store("lobby", { text: "meanwhile", published: false });
    await store.up();
    await reader.waitFor("status", ({ data }) => data.live === true);
    await reader.waitForText("meanwhile");
  });

  it("enters when the store answers, where it did not at first", async () => {
    const { log: store, events } = await listening();
    store.failing = true;
    const reader = await events();
    store.failing = false;
    await reader.waitFor("joined");
  });

  it("leaves no user in the room if its reader disconnects while the room is read", async () => {
    // The store does not time out meanwhile, however slow the machine is.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    afterwards(() => vi.useRealTimers());
    const { log: store, app, events } = await listening();
    const answer = store.pause();
    const reader = await events();
    expect(sessions(app)).toBe(1);
    reader.close();
    await waitFor(() => sessions(app) === 0, "the reader is gone");
    answer();
    const { rooms } = app.dynochat.chat;
    await waitFor(() => rooms.get("lobby")?.stream.state === "live", "the room has been read");
    await new Promise(setImmediate);
    expect(rooms.get("lobby")?.size).toBe(0);
  });

  it("is rejected while the store is away or the process drains, and says when to retry", async () => {
    const { log: store, app, events } = await listening();
    store.down();
    const away = await events();
    expect([away.answer.status, away.answer.headers.get("retry-after")]).toEqual([503, "1"]);
    await store.up();
    await app.dynochat.sockets.drain.begin();
    const draining = await events();
    expect(draining.answer.status).toBe(503);
    expect(sessions(app)).toBe(0);
  });

  it.each([
    ["a bad room", "-", {}, "bad-room"],
    ["a Last-Event-ID that is none", "lobby", { "last-event-id": "yesterday" }, "bad-request"],
  ])("is refused for %s", async (_what, room, headers, code) => {
    const { app } = await listening();
    const answer = await app.inject({ url: `/api/rooms/${room}/events`, headers });
    expect([answer.statusCode, answer.json().code]).toEqual([400, code]);
  });

  it("is counted with the sockets, all and by address", async () => {
    const { app, events } = await listening({ maxConnectionsPerAddress: 2 });
    const one = await events();
    await one.waitFor("joined");
    await (await events()).waitFor("joined");
    const refused = await events();
    expect([refused.answer.status, refused.answer.headers.get("retry-after")]).toEqual([429, "5"]);
    one.close();
    await waitFor(() => app.dynochat.sockets.count === 1, "the closed stream is no longer counted");
    expect((await events()).answer.status).toBe(200);
    const full = await listening({ maxConnections: 1 });
    await (await full.events()).waitFor("joined");
    expect((await full.events()).answer.status).toBe(503);
  });

  it("gets a comment every 15 s", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    afterwards(() => vi.useRealTimers());
    const { events } = await listening();
    const reader = await events();
    vi.advanceTimersByTime(14_000);
    expect(reader.comments).toHaveLength(0);
    vi.advanceTimersByTime(2_000);
    await waitFor(() => reader.comments.length === 1, "a comment");
    vi.advanceTimersByTime(30_000);
    await waitFor(() => reader.comments.length === 3, "two more");
  });

  it("ends when the process drains, and tells each reader when to reconnect", async () => {
    const { app, events } = await listening({ shutdownSeconds: 5 });
    const reader = await events();
    await reader.waitFor("joined");
    void app.dynochat.sockets.drain.begin();
    expect((await reader.waitFor("restart")).data.reconnectInMs).toBeGreaterThan(0);
    expect((await reader.waitFor("close")).data.code).toBe(CLOSE.restarting);
    await waitFor(() => reader.ended, "the stream ends");
    expect(reader.retry).toBeGreaterThanOrEqual(0);
    expect(reader.retry).toBeLessThanOrEqual(1_000);
    expect(sessions(app)).toBe(0);
  });

  it("costs others nothing if it is not read: above 1 MiB waiting it is closed", async () => {
    const { log: store, app, url, events } = await listening();
    const slow = connect(Number(new URL(url).port), "127.0.0.1");
    afterwards(() => slow.destroy());
    slow.pause();
    slow.write("GET /api/rooms/lobby/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const quick = await events();
    await quick.waitFor("joined");
    await waitFor(() => sessions(app) === 2, "both are in");
    let stored = 0;
    await waitFor(async () => {
      for (let i = 0; i < 20; i++) store.store("lobby", { text: `${stored++} ${"x".repeat(20_000)}` });
      // The quick one keeps up, at whatever pace the machine has.
      await quick.waitForText(`${stored - 1} ${"x".repeat(20_000)}`);
      return sessions(app) === 1;
    }, "the slow reader is given up");
    expect(quick.texts()).toHaveLength(stored);
    expect(app.dynochat.chat.counters.closes.get(CLOSE.tooSlow)).toBe(1);
  });

  it("has the key's user if a program opens it", async () => {
    const { events } = await listening();
    const reader = await events(withKey());
    expect((await reader.waitFor("joined")).data.handle).toMatch(/^program-/);
    expect((await events({ authorization: "Bearer nobody-has-this-one" })).answer.status).toBe(401);
  });
});

describe("an event stream of several rooms", () => {
  it("carries each from where its reader is", async () => {
    const { log: store, url } = await listening();
    const [first, second] = [store.store("attic", { text: "1" }), store.store("attic", { text: "2" })];
    store.store("lobby", { text: "old" });
    const reader = await readEvents(`${url}/api/events?room=lobby&room=attic@${first.id}`);
    for (const room of ["lobby", "attic"]) await reader.waitFor("joined", ({ data }) => data.room === room);
    store.store("lobby", { text: "new" });
    await reader.waitForText("new");
    expect(reader.texts()).toEqual(["2", "new"]);
    expect(reader.events.find(({ id }) => id === second.id)?.data.room).toBe("attic");
  });

  it.each([
    ["", "bad-request"],
    ["room=lobby@1", "bad-request"],
    ["room=lobby&room=lobby@1-1", "bad-request"],
    ["room=-", "bad-room"],
    [`room=lobby&room=${"x".repeat(300)}`, "bad-room"],
    ["room=%ff", "bad-room"],
  ])("is refused for ?%s", async (query, code) => {
    const { app } = await listening();
    const answer = await app.inject(`/api/events?${query}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, code]);
  });

  it("is refused for more rooms than one connection may be in", async () => {
    const { app } = await listening({ maxRoomsPerConnection: 2 });
    const answer = await app.inject("/api/events?room=a&room=b&room=c");
    expect([answer.statusCode, answer.json().code]).toEqual([400, "too-many-rooms"]);
  });
});
