import { describe, expect, it } from "vitest";
import { QUEUE_LIMIT } from "../../../src/client/limits.ts";
import { SendRefused } from "../../../src/client/room/outgoing.ts";
import type { Room } from "../../../src/client/room/room.ts";
import { nextSendState, type SendEvent, type SendState } from "../../../src/client/room/send-state.ts";
import type { ErrorFrame, MessageFrame } from "../../../src/protocol/frames.ts";
import {
  joined,
  joinedClient,
  messages,
  newClient,
  reconnect,
  welcome,
} from "../../kit/clients/connected-client.ts";
import type { FakeSocket } from "../../kit/fakes/fake-socket.ts";
import { seededRandom } from "../../kit/fakes/seeded-random.ts";

function ack(socket: FakeSocket, id: string, fields: object = {}): void {
  const { ref, key, room } = socket.last("message");
  socket.deliver({ type: "ack", ref, room, key, id, ...fields });
}

/** The stored form of the last message the client sent. */
function echoOf(socket: FakeSocket, n: number): MessageFrame {
  const { key, text } = socket.last("message");
  return messages(n, n, { user: "u1", handle: "Ada", key, text })[0]!;
}

function refuse(socket: FakeSocket, code: string, fields: Partial<ErrorFrame> = {}): void {
  const { ref } = socket.last("message");
  socket.deliver({ type: "error", ref, code, message: `It is ${code}.`, retryable: true, ...fields });
}

/** What a person sees: the messages, then what is on its way. */
function seen(room: Room): string[] {
  return [
    ...room.messages.map((message) => message.text),
    ...room.outgoing.map((item) => `${item.text} (${item.state})`),
  ];
}

const random = seededRandom(1);

describe("the states of a message that is sent", () => {
  const rows: [SendState, SendEvent, SendState | "gone" | undefined][] = [
    ["queued", "attempt", "sending"],
    ["queued", "stored", "sent"],
    ["queued", "refuse", "failed"],
    ["queued", "doubt", "failed"],
    ["queued", "discard", "gone"],
    ["queued", "postpone", undefined],
    ["queued", "retry", undefined],
    ["sending", "attempt", undefined],
    ["sending", "stored", "sent"],
    ["sending", "postpone", "queued"],
    ["sending", "refuse", "failed"],
    ["sending", "doubt", undefined],
    ["sending", "retry", undefined],
    ["sending", "discard", undefined],
    ["sent", "attempt", undefined],
    ["sent", "stored", "sent"],
    ["sent", "postpone", undefined],
    ["sent", "refuse", undefined],
    ["sent", "doubt", "failed"],
    ["sent", "retry", undefined],
    ["sent", "discard", undefined],
    ["failed", "attempt", undefined],
    ["failed", "stored", "sent"],
    ["failed", "postpone", undefined],
    ["failed", "refuse", undefined],
    ["failed", "doubt", undefined],
    ["failed", "retry", "queued"],
    ["failed", "discard", "gone"],
  ];
  it.each(rows)("%s, %s: %s", (state, event, expected) => {
    expect(nextSendState(state, event)).toBe(expected);
  });
});

describe("a message that is sent", () => {
  it("is one message when the echo comes before the ack", () => {
    const { network, room } = joinedClient();
    room.send("hello");
    expect(seen(room)).toEqual(["hello (sending)"]);
    network.socket.deliver(echoOf(network.socket, 1));
    expect(seen(room)).toEqual(["hello"]);
    ack(network.socket, "1-0");
    expect(seen(room)).toEqual(["hello"]);
  });

  it("is one message when the ack comes before the echo", () => {
    const { network, room } = joinedClient();
    room.send("hello");
    ack(network.socket, "1-0");
    expect(seen(room)).toEqual(["hello (sent)"]);
    network.socket.deliver(echoOf(network.socket, 1));
    expect(seen(room)).toEqual(["hello"]);
  });

  it("is not taken for another user's message with the same key", () => {
    const { network, room } = joinedClient();
    room.send("hello");
    network.socket.deliver({ ...echoOf(network.socket, 1), user: "u2" });
    expect(seen(room)).toEqual(["hello", "hello (sending)"]);
  });

  it("waits until the one before it is answered, and the order is kept", () => {
    const { network, room } = joinedClient([], { random });
    room.send("one");
    room.send("two");
    expect(network.socket.all("message").map((frame) => frame.text)).toEqual(["one"]);
    ack(network.socket, "1-0");
    expect(network.socket.all("message").map((frame) => frame.text)).toEqual(["one", "two"]);
  });

  it("waits for the connection and is sent once the room is caught up", () => {
    const made = joinedClient();
    made.network.socket.end();
    made.room.send("while away");
    const socket = reconnect(made);
    expect(socket.all("message")).toEqual([]);
    joined(socket);
    expect(socket.all("message").map((frame) => frame.text)).toEqual(["while away"]);
  });

  it("is sent again with the same key when the connection was lost before its ack", () => {
    const made = joinedClient();
    made.room.send("hello");
    const { key } = made.network.socket.last("message");
    const socket = reconnect(made);
    joined(socket);
    expect(socket.last("message").key).toBe(key);
    ack(socket, "1-0", { duplicate: true });
    socket.deliver(echoOf(socket, 1));
    expect(seen(made.room)).toEqual(["hello"]);
  });

  it("is not sent again when the join after the loss holds it", () => {
    const made = joinedClient();
    made.room.send("hello");
    const echo = echoOf(made.network.socket, 1);
    const socket = reconnect(made);
    joined(socket, { messages: [echo] });
    expect(socket.all("message")).toEqual([]);
    expect(seen(made.room)).toEqual(["hello"]);
  });

  it("is looked for in every page of the catch-up before it is sent again", () => {
    const made = joinedClient(messages(1, 1));
    made.room.send("hello");
    const echo = echoOf(made.network.socket, 3);
    const socket = reconnect(made);
    joined(socket, { messages: messages(2, 2), more: true, head: "3-0" });
    expect(socket.all("message")).toEqual([]);
    const { ref } = socket.last("history");
    socket.deliver({ type: "history", ref, room: "lobby", messages: [echo], more: false });
    expect(socket.all("message")).toEqual([]);
    expect(seen(made.room)).toEqual(["text 1", "text 2", "hello"]);
  });

  it("fails visibly when it was attempted and the store could not be recovered; one that was not goes out", () => {
    const made = joinedClient(messages(1, 1), { random });
    made.room.send("attempted");
    made.room.send("not yet");
    const socket = reconnect(made);
    joined(socket, { recovered: false, messages: messages(8, 9) });
    expect(seen(made.room).slice(3)).toEqual(["attempted (failed)", "not yet (sending)"]);
    expect(made.room.outgoing[0]?.error).toBe("in-doubt");
  });

  it("fails visibly when it was acked and the store lost it", () => {
    const made = joinedClient(messages(1, 1));
    made.room.send("hello");
    ack(made.network.socket, "2-0");
    joined(reconnect(made), { recovered: false, messages: messages(1, 1) });
    expect(seen(made.room)).toEqual(["text 1", "hello (failed)"]);
  });

  it("asks after ten minutes, because keys are not remembered longer", () => {
    const made = joinedClient();
    made.room.send("hello");
    made.network.socket.end();
    made.clock.advance(600_000);
    made.client.retryNow();
    made.network.socket.accept();
    welcome(made.network.socket);
    joined(made.network.socket);
    expect(seen(made.room)).toEqual(["hello (failed)"]);
    const [item] = made.room.outgoing;
    made.room.retry(item!.key);
    expect(made.network.socket.last("message").key).toBe(item!.key);
  });

  it("asks before it sends what could not be sent for ten minutes", () => {
    const made = joinedClient();
    made.network.socket.end();
    const key = made.room.send("hello");
    made.clock.advance(600_000);
    made.client.retryNow();
    made.network.socket.accept();
    welcome(made.network.socket);
    joined(made.network.socket);
    expect(seen(made.room)).toEqual(["hello (failed)"]);
    expect(made.room.outgoing[0]?.error).toBe("too-old");
    made.room.retry(key);
    expect(seen(made.room)).toEqual(["hello (sending)"]);
  });

  it("survives the client: restored, it is sent with the same key, in the same order, before what is new", () => {
    const before = joinedClient([], { random });
    before.room.send("attempted");
    before.room.send("queued");
    const kept = structuredClone(before.room.outgoing);
    const after = newClient({ random });
    const room = after.client.join("lobby");
    room.restore(kept);
    room.restore(kept);
    room.send("new");
    expect(seen(room)).toEqual(["attempted (queued)", "queued (queued)", "new (queued)"]);
    after.client.start();
    after.network.socket.accept();
    welcome(after.network.socket);
    joined(after.network.socket);
    expect(after.network.socket.last("message").key).toBe(kept[0]?.key);
  });

  it("is recognised where it was stored before the reload, and not sent again", () => {
    const before = joinedClient();
    before.room.send("hello");
    const echo = echoOf(before.network.socket, 1);
    const after = newClient();
    const room = after.client.join("lobby");
    room.restore(structuredClone(before.room.outgoing));
    after.client.start();
    after.network.socket.accept();
    welcome(after.network.socket);
    joined(after.network.socket, { messages: [echo] });
    expect(after.network.socket.all("message")).toEqual([]);
    expect(seen(room)).toEqual(["hello"]);
  });

  it("asks when the server identifies another user after the loss", () => {
    const made = joinedClient();
    made.room.send("hello");
    made.network.socket.end();
    made.clock.advance(1_000);
    made.network.socket.accept();
    welcome(made.network.socket, { id: "u7", handle: "Ada" });
    joined(made.network.socket);
    expect(seen(made.room)).toEqual(["hello (failed)"]);
  });

  it("slows down for as long as the server says, and does not fail", () => {
    const { clock, network, room } = joinedClient();
    room.send("hello");
    refuse(network.socket, "rate-limited", { retryAfterMs: 3_000 });
    expect(seen(room)).toEqual(["hello (queued)"]);
    clock.advance(2_999);
    expect(network.socket.all("message")).toHaveLength(1);
    clock.advance(1);
    const [first, second] = network.socket.all("message");
    expect(second?.key).toBe(first?.key);
  });

  it("says why a limit or a full storage lets it wait for long, until it is tried again", () => {
    const { clock, network, room } = joinedClient();
    room.send("hello");
    refuse(network.socket, "rate-limited", { retryAfterMs: 200 });
    expect(room.outgoing[0]?.error).toBeUndefined();
    clock.advance(1_000);
    refuse(network.socket, "unavailable", { retryAfterMs: 5_000 });
    expect(room.outgoing[0]?.error).toBeUndefined();
    clock.advance(5_000);
    refuse(network.socket, "storage-full", { retryAfterMs: 2_000 });
    expect([room.outgoing[0]?.state, room.outgoing[0]?.error]).toEqual(["queued", "It is storage-full."]);
    clock.advance(2_000);
    expect([room.outgoing[0]?.state, room.outgoing[0]?.error]).toEqual(["sending", undefined]);
  });

  it.each(["unavailable", "storage-full"])("is tried again with growing pauses after %s", (code) => {
    const { clock, network, room } = joinedClient();
    room.send("hello");
    for (const pause of [250, 500, 1_000, 2_000]) {
      const before = network.socket.all("message").length;
      refuse(network.socket, code);
      clock.advance(pause - 1);
      expect(network.socket.all("message")).toHaveLength(before);
      clock.advance(1);
      expect(network.socket.all("message")).toHaveLength(before + 1);
    }
  });

  it("is tried at once when the server says that the store is back", () => {
    const { network, room } = joinedClient();
    room.send("hello");
    refuse(network.socket, "unavailable");
    network.socket.deliver({ type: "status", live: true, reason: "" });
    expect(network.socket.all("message")).toHaveLength(2);
  });

  it("fails with the server's sentence, and the next one goes out", () => {
    const { network, room } = joinedClient([], { random });
    room.send("bad");
    room.send("good");
    refuse(network.socket, "forbidden", { retryable: false });
    expect(seen(room)).toEqual(["bad (failed)", "good (sending)"]);
    expect(room.outgoing[0]?.error).toBe("It is forbidden.");
  });

  it("can be tried again, ten times in a row, and is sent once", () => {
    const { network, room } = joinedClient();
    const key = room.send("hello");
    refuse(network.socket, "forbidden", { retryable: false });
    for (let click = 0; click < 10; click += 1) room.retry(key);
    expect(network.socket.all("message").map((frame) => frame.key)).toEqual([key, key]);
  });

  it("waits for the one in flight also where it is an earlier one that is tried again", () => {
    const { network, room } = joinedClient([], { random });
    const bad = room.send("bad");
    room.send("good");
    refuse(network.socket, "forbidden", { retryable: false });
    room.retry(bad);
    expect(seen(room)).toEqual(["bad (queued)", "good (sending)"]);
    ack(network.socket, "1-0");
    expect(seen(room)).toEqual(["bad (sending)", "good (sent)"]);
  });

  it("can be given up", () => {
    const { network, room } = joinedClient();
    const key = room.send("hello");
    room.discard(key);
    expect(seen(room)).toEqual(["hello (sending)"]);
    refuse(network.socket, "forbidden", { retryable: false });
    room.discard(key);
    expect(seen(room)).toEqual([]);
  });

  it("joins again when the server says that the room is not joined", () => {
    const { clock, network, room } = joinedClient();
    room.send("hello");
    refuse(network.socket, "not-joined", { retryable: false });
    clock.advance(1_000);
    joined(network.socket);
    clock.advance(1_000);
    expect(network.socket.all("message")).toHaveLength(2);
  });

  it("is refused when 200 wait already, when it is empty and when it is too long", () => {
    const { room } = joinedClient([], { random });
    for (let n = 0; n < QUEUE_LIMIT; n += 1) room.send(`text ${n}`);
    expect(() => room.send("one more")).toThrow(new SendRefused("queue-full"));
    expect(() => room.send(" \n ")).toThrow(new SendRefused("text-empty"));
    expect(() => room.send("𝒳".repeat(101))).toThrow(new SendRefused("text-too-long"));
    expect(room.outgoing).toHaveLength(QUEUE_LIMIT);
  });

  it("keeps the indentation of its first line where it has several", () => {
    const { room } = joinedClient();
    room.send("\n    if x:\n        y\n");
    room.send("  alone  ");
    room.send("  a\r  b");
    expect(room.outgoing.map(({ text }) => text)).toEqual(["    if x:\n        y", "alone", "  a\r  b"]);
  });

  it("may have as many code points as the limit says, however many code units those are", () => {
    const { room } = joinedClient();
    room.send("𝒳".repeat(100));
    expect(room.outgoing).toHaveLength(1);
  });

  it("counts on no answer for ever: without one the connection is given up", () => {
    const { client, clock, network, room } = joinedClient();
    room.send("hello");
    for (let second = 0; second < 30; second += 1) {
      network.socket.deliver({ type: "ping" });
      clock.advance(1_000);
    }
    expect(client.connection.name).toBe("waiting");
    expect(seen(room)).toEqual(["hello (queued)"]);
  });
});
