import { describe, expect, it } from "vitest";
import { ChatClient } from "../../../../src/client/client.ts";
import { openHttpSocket } from "../../../../src/client/http-socket.ts";
import { type Clock, systemClock } from "../../../../src/client/ports.ts";
import type { Room } from "../../../../src/client/room/room.ts";
import { expectUnbroken } from "../../../kit/chain.ts";
import { cookieFetch } from "../../../kit/clients/cookie-fetch.ts";
import { shownBy } from "../../../kit/clients/library-client.ts";
import { FakeClock } from "../../../kit/fakes/fake-clock.ts";
import { FakeStore } from "../../../kit/fakes/fake-store.ts";
import { openApi } from "../../../kit/servers/api.ts";
import { afterwards } from "../../../kit/vitest/cleanup.ts";
import { waitFor } from "../../../kit/vitest/wait-for.ts";

async function listening(options: Parameters<typeof openApi>[0] = {}) {
  const store = new FakeStore();
  const app = await openApi({ store, ...options });
  const url = (await app.listen({ port: 0, host: "127.0.0.1" })).replace("http", "ws");
  return { log: store, app, url: `${url}/ws` };
}

/** The client library over HTTP, with a browser's cookies. `through`: what stands between. */
function clientOf(
  url: string,
  handle: string,
  through: (fetch: typeof globalThis.fetch) => typeof fetch = (f) => f,
  clock: Clock = systemClock,
) {
  const requests: string[] = [];
  const cookies = cookieFetch();
  const counted: typeof fetch = (input, init) => {
    requests.push(`${init?.method ?? "GET"} ${new URL(String(input)).pathname}`);
    return cookies(input, init);
  };
  const openSocket = openHttpSocket({ fetch: through(counted), clock });
  const client = new ChatClient({ url, handle, openSocket });
  afterwards(() => client.stop());
  client.start();
  return { client, requests };
}

function isCurrent(room: Room): Promise<true> {
  return waitFor(() => room.state === "current", `${room.name} is current`);
}

function shows(room: Room, ...texts: string[]): Promise<true> {
  return waitFor(
    () => shownBy(room).join("|") === texts.join("|"),
    `${texts.join("|")}, not ${shownBy(room)}`,
  );
}

describe("the client library over HTTP", () => {
  it("lets two people talk, each message once and in one order, and see each other", async () => {
    const { url } = await listening();
    const [ann, bob] = [clientOf(url, "Ann").client, clientOf(url, "Bob").client];
    const rooms = [ann.join("lobby"), bob.join("lobby")] as const;
    await Promise.all(rooms.map(isCurrent));
    rooms[0].send("hello");
    await shows(rooms[1], "hello");
    rooms[1].send("hi Ann");
    for (const room of rooms) await shows(room, "hello", "hi Ann");
    expect(rooms[0].messages.map(({ id }) => id)).toEqual(rooms[1].messages.map(({ id }) => id));
    expect(rooms.map(({ outgoing }) => outgoing)).toEqual([[], []]);
    expect(rooms[1].messages.map(({ handle, user }) => [handle, user])).toEqual([
      ["Ann", ann.self?.id],
      ["Bob", bob.self?.id],
    ]);
    await waitFor(() => rooms[0].people.count === 2, "both are present");
    bob.stop();
    await waitFor(() => rooms[0].people.count === 1, "one has left");
  });

  it("begins with the newest, and reads older ones page by page", async () => {
    const { log: store, url } = await listening();
    const entries = store.fill("lobby", 300);
    const room = clientOf(url, "Ann").client.join("lobby");
    await isCurrent(room);
    expect(room.messages.map(({ id }) => id)).toEqual(entries.slice(-50).map(({ id }) => id));
    expect(room.hasOlder).toBe(true);
    while (room.hasOlder) expect(await room.loadOlder()).toMatch(/loaded|end/);
    expect(room.messages.map(({ id }) => id)).toEqual(entries.map(({ id }) => id));
  });

  it("carries all its rooms by one stream, and another one when a room is joined or left", async () => {
    const { log: store, app, url } = await listening();
    let pages = 0;
    const counting =
      (through: typeof fetch): typeof fetch =>
      async (input, init) => {
        const answer = await through(input, init);
        if (!String(input).includes("/messages")) return answer;
        const page = new Response(await answer.text(), answer);
        pages += 1;
        return page;
      };
    // Joins are gathered until the test lets time pass: also those whose pages come slowly.
    const clock = new FakeClock();
    const { client, requests } = clientOf(url, "Ann", counting, clock);
    const rooms = ["lobby", "attic", "cellar"].map((name) => client.join(name));
    await waitFor(() => pages === rooms.length, "all pages are read");
    await new Promise(setImmediate);
    clock.advance(20);
    expect(requests).not.toContain("GET /api/events");
    clock.advance(1_000);
    for (const room of rooms) await isCurrent(room);
    expect(requests.filter((request) => request === "GET /api/events")).toHaveLength(1);
    const [lobby, attic] = rooms as [Room, Room];
    const yard = client.join("yard");
    client.leave("cellar");
    // While the stream changes nothing is missed.
    for (let i = 0; yard.state !== "current"; i++) {
      store.store("lobby", { text: `${i}` });
      await new Promise(setImmediate);
      clock.advance(1_000);
    }
    store.store("attic", { text: "up here" });
    await shows(attic, "up here");
    const stored = store.entries("lobby").map(({ id }) => id);
    await waitFor(() => lobby.messages.at(-1)?.id === stored.at(-1), "the newest is here");
    expect(lobby.messages.map(({ id }) => id)).toEqual(stored.slice(-lobby.messages.length));
    expectUnbroken(store.entries("lobby"), "lobby");
    expect(lobby.messages.every(({ gap }) => gap === "none")).toBe(true);
    await waitFor(() => app.dynochat.sockets.count === 1, "one stream is open");
  });

  it("brings each message once, whatever streams it takes, and the presence of those who left between two", async () => {
    const { log: store, url } = await listening();
    const frames: Record<string, unknown>[] = [];
    const socket = openHttpSocket({ fetch: cookieFetch(), clock: systemClock })(url, "dynochat.v1", {
      opened: () => socket.send('{"type":"hello","ref":1}'),
      received: (data) => frames.push(JSON.parse(String(data))),
      closed: () => frames.push({ type: "closed" }),
    });
    afterwards(() => socket.close());
    const came = (type: string, ref?: number) =>
      waitFor(() => frames.find((frame) => frame["type"] === type && frame["ref"] === ref), `${type} ${ref}`);
    await came("welcome", 1);
    const other = clientOf(url, "Bob").client;
    await isCurrent(other.join("lobby"));
    socket.send('{"type":"join","ref":2,"room":"lobby"}');
    await came("joined", 2);
    const ids = Array.from({ length: 20 }, () => store.store("lobby").id);
    await waitFor(() => frames.some(({ id }) => id === ids[19]), "the newest has come");
    for (const ref of [3, 4]) {
      socket.send(JSON.stringify({ type: "join", ref, room: `room-${ref}` }));
      if (ref === 3) other.stop();
      await came("joined", ref);
      ids.push(store.store("lobby").id);
    }
    await waitFor(() => frames.some(({ id }) => id === ids.at(-1)), "the newest has come");
    expect(frames.flatMap(({ id }) => (id === undefined ? [] : [id]))).toEqual(ids);
    const bob = other.self?.id;
    await waitFor(
      () => frames.some(({ left }) => Array.isArray(left) && left.includes(bob)),
      "who left is told",
    );
    expect(frames.map(({ type }) => type)).not.toContain("closed");
  });

  it("does not enter a room that was left before it could", async () => {
    const { log: store, url } = await listening();
    const { client, requests } = clientOf(url, "Ann");
    const lobby = client.join("lobby");
    await isCurrent(lobby);
    const before = requests.length;
    client.join("attic");
    client.leave("attic");
    await isCurrent(client.join("cellar"));
    expect(requests.slice(before).join()).toContain("/api/rooms/attic/messages");
    expect([...store.subscribers.keys()].sort()).toEqual(["cellar", "lobby"]);
  });

  it.each([3, 200, 201, 450])(
    "goes on where it was after %d missed messages, without a gap or a double",
    async (missed) => {
      const { log: store, app, url } = await listening();
      store.fill("lobby", 5);
      const room = clientOf(url, "Ann").client.join("lobby");
      await isCurrent(room);
      const states: string[] = [];
      room.on("state", (state) => states.push(state));
      app.server.closeAllConnections();
      for (let i = 0; i < missed; i++) store.store("lobby", { text: `${i}` });
      await waitFor(
        () => room.messages.length === 5 + missed,
        `all ${missed} have come, not ${room.messages.length}`,
      );
      expect(room.messages.map(({ id }) => id)).toEqual(store.entries("lobby").map(({ id }) => id));
      expect(room.messages.every(({ gap }) => gap === "none")).toBe(true);
      expect(states).toContain("away");
    },
  );

  it("marks a gap where the store no longer reaches back to where it was", async () => {
    const { log: store, app, url } = await listening();
    store.fill("lobby", 5, "old");
    const room = clientOf(url, "Ann").client.join("lobby");
    await isCurrent(room);
    app.server.closeAllConnections();
    for (let i = 0; i < 300; i++) store.store("lobby", { text: "new" });
    store.trim("lobby", 100);
    await waitFor(() => room.messages.some(({ gap }) => gap !== "none"), "the gap is marked");
    expect(room.messages.at(-1)?.text).toBe("new");
  });

  it("starts over with its room while the stream is open", async () => {
    const { log: store, url } = await listening();
    store.fill("lobby", 3, "old");
    const room = clientOf(url, "Ann").client.join("lobby");
    await isCurrent(room);
    store.lose("lobby", 2);
    store.store("lobby", { text: "another history" });
    await waitFor(() => room.messages.at(-1)?.text === "another history", "the new history is shown");
    expect(room.messages.filter(({ text }) => text === "old").length).toBeLessThan(3);
  });

  it("stores a message once whose answer was lost, and shows it once", async () => {
    const { log: store, url } = await listening();
    let lost = 0;
    const losing =
      (through: typeof fetch): typeof fetch =>
      async (input, init) => {
        const answer = await through(input, init);
        if (init?.method !== "POST" || !String(input).endsWith("/messages") || lost === 1) return answer;
        lost += 1;
        throw new TypeError("network error");
      };
    const room = clientOf(url, "Ann", losing).client.join("lobby");
    await isCurrent(room);
    room.send("once");
    await waitFor(
      () => lost === 1 && room.state === "current" && room.outgoing.length === 0,
      "it is settled",
    );
    expect(shownBy(room)).toEqual(["once"]);
    expect(store.entries("lobby")).toHaveLength(1);
  });

  it("tells that the store is away and back, and sends what waited", async () => {
    const { log: store, url } = await listening();
    const { client } = clientOf(url, "Ann");
    const told: boolean[] = [];
    client.on("status", ({ live }) => told.push(live));
    const room = client.join("lobby");
    await isCurrent(room);
    store.down();
    await waitFor(() => told.at(-1) === false, "it is told");
    room.send("patience");
    await store.up();
    await shows(room, "patience");
    expect(told).toEqual([false, true]);
  });

  it("moves without a gap when the process goes away, before the stream is closed", async () => {
    const store = new FakeStore();
    const first = await listening({ store, shutdownSeconds: 5 });
    const second = await listening({ store: new FakeStore() });
    let target = first.url;
    const switching =
      (through: typeof fetch): typeof fetch =>
      (input, init) =>
        through(String(input).replace(new URL(first.url).host, new URL(target).host), init);
    const { client } = clientOf(first.url, "Ann", switching);
    const states: string[] = [];
    client.on("connection", ({ name }) => states.push(name));
    const room = client.join("lobby");
    await isCurrent(room);
    target = second.url;
    states.length = 0;
    void first.app.dynochat.sockets.drain.begin();
    await waitFor(() => second.app.dynochat.sockets.count === 1, "the stream is at the other process");
    await isCurrent(room);
    expect(states).not.toContain("waiting");
  });

  it("goes by the name it is given later", async () => {
    const { url } = await listening();
    const [ann, bob] = [clientOf(url, "Ann").client, clientOf(url, "Bob").client];
    const rooms = [ann.join("lobby"), bob.join("lobby")] as const;
    await Promise.all(rooms.map(isCurrent));
    ann.setHandle("Anna");
    await waitFor(
      () => rooms[1].people.users.some(({ handle }) => handle === "Anna"),
      "the new name is seen",
    );
    rooms[0].send("it is me");
    await shows(rooms[1], "it is me");
    expect(rooms[1].messages.at(-1)?.handle).toBe("Anna");
    const refused: string[] = [];
    ann.on("handle-refused", (sentence) => refused.push(sentence));
    ann.setHandle("system");
    await waitFor(() => refused.length === 1, "the name is refused");
  });

  it("opens no other stream where hello says what it said before", async () => {
    const { url } = await listening();
    const { client, requests } = clientOf(url, "Ann");
    await isCurrent(client.join("lobby"));
    const count = (request: string) => requests.filter((each) => each === request).length;
    const before = count("POST /api/session");
    client.setHandle("Ann");
    await waitFor(() => count("POST /api/session") === before + 1, "hello is said again");
    client.setHandle("Anna");
    await waitFor(() => count("GET /api/events") === 2, "the stream has the new name");
    expect(count("POST /api/session")).toBe(before + 2);
  });

  it("takes no answer for the chat's that something on the way gives: it is not signed out, and comes back", async () => {
    const { url } = await listening();
    let isBetween = false;
    const between =
      (through: typeof fetch): typeof fetch =>
      async (input, init) => {
        const isStream = String(input).includes("/api/events");
        return isBetween && isStream
          ? new Response("<html>Sign in to the WiFi</html>", { status: 401 })
          : through(input, init);
      };
    const { client } = clientOf(url, "Ann", between);
    await isCurrent(client.join("lobby"));
    isBetween = true;
    client.join("attic");
    await waitFor(() => client.connection.name === "waiting", "the stream is lost");
    isBetween = false;
    client.retryNow();
    for (const room of client.rooms) await isCurrent(room);
  });

  it("is shut out for good where the server wants a token of its site", async () => {
    const { url } = await listening({ tokenSecret: "0123456789abcdef0123456789abcdef", tokenRequired: true });
    const { client } = clientOf(url, "Ann");
    client.join("lobby");
    await waitFor(() => client.connection.name === "closed", "it is closed");
    expect(client.connection).toMatchObject({ cause: "unauthorized" });
  });

  it("waits, and comes back, where the server cannot be reached or what answers is none", async () => {
    const { url } = await listening();
    let mode: "broken" | "client" | "well" = "broken";
    const between =
      (through: typeof fetch): typeof fetch =>
      async (input, init) => {
        if (mode === "broken") throw new TypeError("network error");
        return mode === "client" ? new Response("<html>Sign in to the WiFi</html>") : through(input, init);
      };
    const { client } = clientOf(url, "Ann", between);
    const room = client.join("lobby");
    await waitFor(() => client.connection.name === "waiting", "it waits");
    mode = "client";
    client.retryNow();
    await waitFor(
      () => client.connection.name !== "live" && client.connection.name !== "connecting",
      "it is not fooled",
    );
    mode = "well";
    client.retryNow();
    await isCurrent(room);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const { app, url } = await listening();
    const { client, requests } = clientOf(url, "Ann");
    await isCurrent(client.join("lobby"));
    client.stop();
    await waitFor(() => app.dynochat.chat.size === 0, "the stream is closed");
    const count = requests.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(requests).toHaveLength(count);
  });
});
