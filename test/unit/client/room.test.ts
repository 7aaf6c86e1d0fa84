import { describe, expect, it } from "vitest";
import type { Room } from "../../../src/client/room/room.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "../../../src/client/room/room-state.ts";
import type { MessageFrame } from "../../../src/protocol/frames.ts";
import {
  joined,
  joinedClient,
  messages,
  newClient,
  reconnect,
  welcome,
} from "../../kit/clients/connected-client.ts";

function texts(room: Room): string[] {
  return room.messages.map((message) => (message.gap === "none" ? "" : "gap, ") + message.text);
}

function range(from: number, to: number): string[] {
  return messages(from, to).map((message) => message.text);
}

describe("the states of a room", () => {
  const rows: [RoomState, RoomEvent, RoomState | undefined][] = [
    ["away", "connect", "joining"],
    ["away", "joined", undefined],
    ["joining", "joined", "current"],
    ["joining", "more", "catching-up"],
    ["joining", "unavailable", "waiting"],
    ["joining", "refuse", "refused"],
    ["joining", "disconnect", "away"],
    ["joining", "connect", undefined],
    ["catching-up", "more", "catching-up"],
    ["catching-up", "joined", "current"],
    ["catching-up", "hole", "waiting"],
    ["catching-up", "unavailable", "waiting"],
    ["catching-up", "disconnect", "away"],
    ["current", "hole", "joining"],
    ["current", "joined", "current"],
    ["current", "unavailable", "waiting"],
    ["current", "disconnect", "away"],
    ["current", "due", undefined],
    ["waiting", "due", "joining"],
    ["waiting", "hole", undefined],
    ["waiting", "disconnect", "away"],
    ["refused", "disconnect", "away"],
    ["refused", "due", undefined],
  ];
  it.each(rows)("%s, %s: %s", (state, event, expected) => {
    expect(nextRoomState(state, event)).toBe(expected);
  });
});

describe("a room", () => {
  it("shows the newest messages of the join, then live ones", () => {
    const { network, room } = joinedClient(messages(1, 3));
    for (const message of messages(4, 5)) network.socket.deliver(message);
    expect(texts(room)).toEqual(range(1, 5));
  });

  it("does not show a message twice", () => {
    const { network, room } = joinedClient(messages(1, 3));
    for (const message of messages(2, 4)) network.socket.deliver(message);
    for (const message of messages(2, 4)) network.socket.deliver(message);
    expect(texts(room)).toEqual(range(1, 4));
  });

  it("joins with its cursor after a reconnect and shows what it missed", () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    expect(socket.last("join").after).toBe("3-0");
    joined(socket, { messages: messages(4, 6) });
    expect(texts(made.room)).toEqual(range(1, 6));
  });

  it("reads on until it has caught up, and puts what came live meanwhile behind", () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { messages: messages(4, 5), more: true, head: "9-0" });
    for (const message of messages(10, 11)) socket.deliver(message);
    expect(texts(made.room)).toEqual(range(1, 5));
    const first = socket.last("history");
    expect(first.after).toBe("5-0");
    socket.deliver({
      type: "history",
      ref: first.ref,
      room: "lobby",
      messages: messages(6, 7),
      more: true,
    });
    const second = socket.last("history");
    expect(second.after).toBe("7-0");
    socket.deliver({
      type: "history",
      ref: second.ref,
      room: "lobby",
      messages: messages(8, 10),
      more: false,
    });
    expect(texts(made.room)).toEqual(range(1, 11));
    expect(made.room.state).toBe("current");
  });

  it("joins again from its cursor where a message does not fit, and shows nothing after the hole", () => {
    const { network, room } = joinedClient(messages(1, 3));
    for (const message of messages(5, 6)) network.socket.deliver(message);
    expect(texts(room)).toEqual(range(1, 3));
    expect(network.socket.all("join")).toHaveLength(2);
    expect(network.socket.last("join").after).toBe("3-0");
    joined(network.socket, { messages: messages(4, 6) });
    for (const message of messages(7, 7)) network.socket.deliver(message);
    expect(texts(room)).toEqual(range(1, 7));
  });

  it("discards from the first message on and marks a gap where the server could not recover", () => {
    const made = joinedClient(messages(1, 6));
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(5, 7, { text: "new" }), more: true });
    expect(texts(made.room)).toEqual([...range(1, 4), "gap, new", "new", "new"]);
  });

  it("discards everything where a reset log holds nothing", () => {
    const made = joinedClient(messages(1, 6));
    const socket = reconnect(made);
    joined(socket, { recovered: false, head: "0-0" });
    expect(made.room.messages).toEqual([]);
    const [first] = messages(1, 1, { id: "9-9", prev: "0-0" });
    socket.deliver(first!);
    expect(texts(made.room)).toEqual(["text 1"]);
  });

  it("takes a `joined` without ref as the server's own resync", () => {
    const { network, room } = joinedClient(messages(1, 6));
    network.socket.deliver({
      type: "joined",
      room: "lobby",
      recovered: false,
      head: "21-0",
      messages: messages(20, 21),
      more: true,
      present: { count: 1, users: [] },
      handle: "Ada",
    });
    network.socket.deliver(messages(22, 22)[0]!);
    expect(texts(room)).toEqual([...range(1, 6), "gap, text 20", "text 21", "text 22"]);
  });

  it("does not believe a recovery whose messages do not fit", () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { recovered: true, messages: messages(6, 7) });
    expect(texts(made.room)).toEqual([...range(1, 3), "gap, text 6", "text 7"]);
  });

  it("loads older messages by pages until there are none", async () => {
    const { network, room } = joinedClient(messages(11, 12));
    expect(room.hasOlder).toBe(false);
    const made = newClient();
    const older = made.client.join("lobby");
    made.client.start();
    made.network.socket.accept();
    welcome(made.network.socket);
    joined(made.network.socket, { messages: messages(11, 12), more: true });
    const page = older.loadOlder();
    expect(older.loadOlder()).toBe(page);
    const request = made.network.socket.last("history");
    expect(request.before).toBe("11-0");
    made.network.socket.deliver({
      type: "history",
      ref: request.ref,
      room: "lobby",
      messages: messages(1, 10),
      more: false,
    });
    expect(await page).toBe("end");
    expect(texts(older)).toEqual(range(1, 12));
    expect(await older.loadOlder()).toBe("end");
    expect(network.socket.all("history")).toHaveLength(0);
  });

  it("closes a gap with the page before it", async () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(7, 8), more: true });
    const page = made.room.loadOlder("7-0");
    const { ref } = socket.last("history");
    socket.deliver({ type: "history", ref, room: "lobby", messages: messages(2, 6), more: true });
    await page;
    expect(texts(made.room)).toEqual(range(1, 8));
  });

  it("moves a gap up by a page that does not reach the older messages", async () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(17, 18), more: true });
    const page = made.room.loadOlder("17-0");
    const { ref } = socket.last("history");
    socket.deliver({ type: "history", ref, room: "lobby", messages: messages(15, 16), more: true });
    await page;
    expect(texts(made.room)).toEqual([...range(1, 3), "gap, text 15", ...range(16, 18)]);
  });

  it("closes no gap with a page that begins with what is not shown and does not reach the older messages", async () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(17, 18), more: true });
    const load = async (gap: string, page: object[]) => {
      const outcome = made.room.loadOlder(gap);
      const { ref } = socket.last("history");
      socket.deliver({ type: "history", ref, room: "lobby", messages: page, more: true });
      await outcome;
    };
    const removal = { id: "15-0", prev: "14-0", type: "removed", room: "lobby", target: "9-0" };
    await load("17-0", [removal, ...messages(16, 16)]);
    expect(texts(made.room)).toEqual([...range(1, 3), "gap, text 16", ...range(17, 18)]);
    await load("16-0", [...messages(13, 14), removal]);
    expect(texts(made.room)).toEqual([...range(1, 3), "gap, text 13", "text 14", ...range(16, 18)]);
    await load("13-0", messages(3, 12));
    expect(texts(made.room)).toEqual([...range(1, 14), ...range(16, 18)]);
  });

  it("closes every gap that a page holds, where it is not the first one that is asked for", async () => {
    const { network, room } = joinedClient(messages(1, 3));
    const resync = (from: number, to: number) =>
      network.socket.deliver({
        type: "joined",
        room: "lobby",
        recovered: false,
        head: `${to}-0`,
        messages: messages(from, to),
        more: true,
        present: { count: 1, users: [] },
        handle: "Ada",
      });
    resync(6, 7);
    resync(10, 11);
    const page = room.loadOlder("10-0");
    const { ref } = network.socket.last("history");
    network.socket.deliver({
      type: "history",
      ref,
      room: "lobby",
      messages: messages(4, 9),
      more: true,
    });
    await page;
    expect(texts(room)).toEqual(range(1, 11));
  });

  it("tells that a message changed where the page of a gap holds its edit", async () => {
    const made = joinedClient(messages(1, 3));
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(6, 7), more: true });
    const changed: string[] = [];
    made.room.on("changed", (message) => changed.push(message.text));
    const page = made.room.loadOlder("6-0");
    const { ref } = socket.last("history");
    const edit = { id: "5-0", prev: "4-0", type: "edited", room: "lobby", target: "2-0", text: "better" };
    socket.deliver({
      type: "history",
      ref,
      room: "lobby",
      messages: [...messages(4, 4), edit],
      more: true,
    });
    await page;
    expect(texts(made.room)).toEqual(["text 1", "better", "text 3", "text 4", "text 6", "text 7"]);
    expect(changed).toContain("better");
  });

  it("acts on no answer that it does not wait for any more", () => {
    const { network, room } = joinedClient(messages(1, 3));
    network.socket.deliver({
      type: "joined",
      ref: 999,
      room: "lobby",
      recovered: false,
      head: "9-0",
      messages: messages(8, 9),
      more: true,
      present: { count: 0, users: [] },
      handle: "Eve",
    });
    expect(texts(room)).toEqual(range(1, 3));
    expect(room.handle).toBe("Ada");
  });

  it("says so where older messages cannot be had because the connection is lost", async () => {
    const made = newClient();
    const room = made.client.join("lobby");
    made.client.start();
    made.network.socket.accept();
    welcome(made.network.socket);
    joined(made.network.socket, { messages: messages(11, 12), more: true });
    const page = room.loadOlder();
    made.network.socket.end();
    expect(await page).toBe("unavailable");
    expect(await room.loadOlder()).toBe("unavailable");
  });

  it("moves its cursor over entries of every type", () => {
    const { network, room } = joinedClient(messages(1, 2));
    const base = { room: "lobby", prev: "2-0", id: "3-0" };
    network.socket.deliver({ ...base, type: "removed", target: "1-0" });
    network.socket.deliver({
      ...base,
      prev: "3-0",
      id: "4-0",
      type: "edited",
      target: "2-0",
      text: "better",
    });
    network.socket.deliver({ ...base, prev: "4-0", id: "5-0", type: "of-the-future", ref: "1-0" });
    network.socket.deliver(messages(6, 6)[0]!);
    expect(texts(room)).toEqual(["", "better", "text 6"]);
    expect(room.messages[0]?.withdrawn).toBe(true);
    expect(network.socket.all("join")).toHaveLength(1);
  });

  it("asks again later where the server cannot join it now, and at once when the store is back", () => {
    const made = newClient();
    made.client.join("lobby");
    made.client.start();
    made.network.socket.accept();
    welcome(made.network.socket);
    const refuse = () =>
      made.network.socket.deliver({
        type: "error",
        ref: made.network.socket.last("join").ref,
        code: "unavailable",
        message: "No log.",
        retryable: true,
      });
    refuse();
    made.clock.advance(250);
    expect(made.network.socket.all("join")).toHaveLength(2);
    refuse();
    made.network.socket.deliver({ type: "status", live: true, reason: "" });
    expect(made.network.socket.all("join")).toHaveLength(3);
  });

  it("says why it was refused, and takes no messages then", () => {
    const made = newClient();
    const room = made.client.join("lobby");
    room.send("waits");
    made.client.start();
    made.network.socket.accept();
    welcome(made.network.socket);
    const { ref } = made.network.socket.last("join");
    made.network.socket.deliver({
      type: "error",
      ref,
      code: "forbidden",
      message: "Not you.",
      retryable: false,
    });
    expect(room.refusal).toBe("Not you.");
    expect(room.outgoing).toMatchObject([{ state: "failed", error: "Not you." }]);
    expect(() => room.send("more")).toThrow("room-refused");
  });

  it("keeps at most 10,000 messages and says which left", () => {
    const { network, room } = joinedClient(messages(1, 1));
    const gone: string[] = [];
    room.on("added", (added) => gone.push(...added.gone));
    for (const message of messages(2, 10_001)) network.socket.deliver(message);
    expect(room.messages).toHaveLength(9_000);
    expect(gone).toHaveLength(1_001);
    expect(gone[0]).toBe("1-0");
    expect(room.hasOlder).toBe(true);
  });

  it("has the own handle that the server said last, in the list of people or with a message", () => {
    const { network, room } = joinedClient();
    const presence = { type: "presence", room: "lobby" } as const;
    network.socket.deliver({ ...presence, count: 1, left: ["u1"], joined: [{ id: "u1", handle: "Ada 2" }] });
    expect(room.handle).toBe("Ada 2");
    network.socket.deliver({ ...presence, count: 201 });
    network.socket.deliver(messages(1, 1, { user: "u1", handle: "Ada 3" })[0]!);
    expect(room.handle).toBe("Ada 3");
  });

  it("knows who is here", () => {
    const { network, room } = joinedClient();
    network.socket.deliver({
      type: "presence",
      room: "lobby",
      count: 2,
      joined: [{ id: "u2", handle: "Bob" }],
    });
    expect(room.people.users.map((person) => person.handle)).toEqual(["Ada", "Bob"]);
    network.socket.deliver({ type: "presence", room: "lobby", count: 1, left: ["u2"] });
    expect(room.people.users.map((person) => person.handle)).toEqual(["Ada"]);
    network.socket.deliver({ type: "presence", room: "lobby", count: 1, joined: null, left: null });
    expect(room.people.users.map((person) => person.handle)).toEqual(["Ada"]);
    network.socket.deliver({
      type: "presence",
      room: "lobby",
      count: 900,
      joined: [{ id: "u3", handle: "Cy" }],
    });
    expect([room.people.count, room.people.users.map((person) => person.handle)]).toEqual([
      900,
      ["Ada", "Cy"],
    ]);
    network.socket.deliver({ type: "presence", room: "lobby", count: 900 });
    expect([room.people.count, room.people.users.length]).toEqual([900, 0]);
  });

  it("forgets that a user types after 6 s, after their message, and when the connection is lost", () => {
    const { clock, network, room } = joinedClient();
    const hint = { type: "typing", room: "lobby", user: "u2", handle: "Bob", on: true };
    const names = () => room.people.typing.map((person) => person.handle);
    network.socket.deliver(hint);
    clock.advance(5_999);
    expect(names()).toEqual(["Bob"]);
    clock.advance(1);
    expect(names()).toEqual([]);
    network.socket.deliver(hint);
    network.socket.deliver(messages(1, 1)[0]!);
    expect(names()).toEqual([]);
    network.socket.deliver(hint);
    network.socket.end();
    expect(names()).toEqual([]);
  });

  it("tells the others at most once per second that the user types", () => {
    const { clock, network, room } = joinedClient();
    for (let keystroke = 0; keystroke < 25; keystroke += 1) {
      room.typing(true);
      clock.advance(100);
    }
    expect(network.socket.all("typing")).toHaveLength(3);
    room.typing(false);
    room.typing(false);
    expect(network.socket.all("typing").map((frame) => frame.on)).toEqual([true, true, true, false]);
  });

  it("tells live messages from those it read up", () => {
    const made = joinedClient(messages(1, 1));
    const heard: [string, boolean][] = [];
    made.room.on("added", (added) => {
      for (const message of added.messages) heard.push([message.text, added.live]);
    });
    made.network.socket.deliver(messages(2, 2)[0]!);
    joined(reconnect(made), { messages: messages(3, 3) });
    expect(heard).toEqual([
      ["text 2", true],
      ["text 3", false],
    ]);
  });

  it("is left, and forgotten", () => {
    const { client, network } = joinedClient();
    client.leave("lobby");
    expect(network.socket.last("leave").room).toBe("lobby");
    expect(client.rooms).toEqual([]);
    const stray: MessageFrame | undefined = messages(1, 1)[0];
    network.socket.deliver(stray!);
  });

  it("must have a name that is one", () => {
    expect(() => newClient().client.join("../etc")).toThrow(RangeError);
  });
});
