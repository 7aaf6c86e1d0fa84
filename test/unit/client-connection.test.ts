import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/client/backoff.ts";
import {
  type ConnectionEvent,
  type ConnectionState,
  nextConnectionState,
} from "../../src/client/connection.ts";
import { joined, joinedClient, messages, newClient, reconnect, welcome } from "../kit/connected-client.ts";

const idle: ConnectionState = { name: "idle" };
const connecting: ConnectionState = { name: "connecting", attempt: 3 };
const greeting: ConnectionState = { name: "greeting", attempt: 3 };
const live: ConnectionState = { name: "live", attempt: 3, restarting: false };
const leaving: ConnectionState = { name: "live", attempt: 3, restarting: true };
const waiting: ConnectionState = { name: "waiting", attempt: 4, retryAt: 9, cause: "lost" };
const closed: ConnectionState = { name: "closed", cause: "forbidden", reason: "banned" };

function lost(code: number, reason = ""): ConnectionEvent {
  return { name: "lost", at: 1_000, code, reason, jitter: 0.5 };
}

const rows: [ConnectionState, ConnectionEvent, ConnectionState | "the same"][] = [
  [idle, { name: "start" }, { name: "connecting", attempt: 0 }],
  [idle, { name: "retry" }, "the same"],
  [idle, { name: "stop" }, "the same"],
  [idle, lost(1006), "the same"],
  [connecting, { name: "start" }, "the same"],
  [connecting, { name: "opened" }, greeting],
  [connecting, { name: "welcomed" }, "the same"],
  [connecting, { name: "retry" }, "the same"],
  [connecting, { name: "stop" }, idle],
  [connecting, lost(1006), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [greeting, { name: "welcomed" }, live],
  [greeting, { name: "opened" }, "the same"],
  [greeting, { name: "settled" }, "the same"],
  [greeting, lost(4401, "no"), { name: "closed", cause: "unauthorized", reason: "no" }],
  [live, { name: "welcomed" }, "the same"],
  [live, { name: "opened" }, greeting],
  [leaving, { name: "opened" }, greeting],
  [live, { name: "settled" }, { name: "live", attempt: 0, restarting: false }],
  [live, { name: "restart" }, leaving],
  [live, { name: "stop" }, idle],
  [live, lost(1001), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "restarting" }],
  [live, lost(1011), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(1012), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "restarting" }],
  [live, lost(1013), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(4400, "bad"), { name: "closed", cause: "protocol", reason: "bad" }],
  [live, lost(4403), { name: "closed", cause: "forbidden", reason: "" }],
  [live, lost(4408), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(4429, "7000"), { name: "waiting", attempt: 4, retryAt: 8_000, cause: "too-many" }],
  [live, lost(4429, "?"), { name: "waiting", attempt: 4, retryAt: 11_000, cause: "too-many" }],
  [leaving, lost(1012), { name: "waiting", attempt: 0, retryAt: 1_500, cause: "restarting" }],
  [leaving, lost(4401), { name: "closed", cause: "unauthorized", reason: "" }],
  [waiting, { name: "retry" }, { name: "connecting", attempt: 4 }],
  [waiting, { name: "start" }, "the same"],
  [waiting, lost(1006), "the same"],
  [waiting, { name: "stop" }, idle],
  [closed, { name: "retry" }, "the same"],
  [closed, lost(1006), "the same"],
  [closed, { name: "start" }, { name: "connecting", attempt: 0 }],
  [closed, { name: "stop" }, idle],
];

describe("the states of a connection", () => {
  it.each(rows)("%j, %j: %j", (state, event, expected) => {
    const next = nextConnectionState(state, event);
    if (expected === "the same") expect(next).toBe(state);
    else expect(next).toEqual(expected);
  });

  it("wait anything up to a cap that doubles from 500 ms to 20 s", () => {
    expect([0, 1, 2, 5, 6, 60].map((attempt) => backoffMs(attempt, 1))).toEqual([
      500, 1_000, 2_000, 16_000, 20_000, 20_000,
    ]);
    expect(backoffMs(3, 0)).toBe(0);
    expect(backoffMs(3, 0.25)).toBe(1_000);
  });
});

describe("a client's connection", () => {
  it("is opened with the subprotocol, and hello is the first frame", () => {
    const { client, network } = newClient({ handle: "Ada" });
    client.start();
    network.socket.accept();
    expect(network.socket.subprotocol).toBe("dynochat.v1");
    expect(network.socket.sent).toEqual([{ type: "hello", ref: 1, handle: "Ada" }]);
  });

  it("sends the token of the last welcome with the next hello", () => {
    const made = joinedClient();
    const socket = reconnect(made);
    expect(socket.all("hello")[0]?.token).toBe("token-of-u1");
  });

  it("tries once more without a kept token that the server refuses, and stops where none was sent", () => {
    const made = joinedClient();
    made.network.socket.end();
    made.clock.advance(20_000);
    made.network.socket.accept();
    made.network.socket.end(4401, "expired");
    expect(made.client.connection.name).toBe("connecting");
    made.network.socket.accept();
    expect(made.network.socket.last("hello")).not.toHaveProperty("token");
    made.network.socket.end(4401, "guests are not allowed");
    expect(made.client.connection).toMatchObject({ name: "closed", reason: "guests are not allowed" });
  });

  it("stops for good after a fatal code and leaves no timer behind", () => {
    const { client, clock, network } = joinedClient();
    network.socket.end(4403, "banned");
    expect(client.connection).toEqual({ name: "closed", cause: "forbidden", reason: "banned" });
    clock.advance(3_600_000);
    expect(network.sockets).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  it("is given up after 35 s of silence, and not while anything arrives", () => {
    const { client, clock, network } = joinedClient();
    clock.advance(34_000);
    network.socket.deliver({ type: "ping" });
    expect(network.socket.last("pong")).toEqual({ type: "pong" });
    clock.advance(34_999);
    expect(client.connection.name).toBe("live");
    clock.advance(1);
    expect(client.connection.name).toBe("waiting");
    expect(network.socket.closedByClient).toBe(true);
  });

  it("is given up where opening or the greeting takes for ever", () => {
    const { client, clock, network } = newClient();
    client.start();
    clock.advance(15_000);
    expect(client.connection.name).toBe("waiting");
    clock.advance(500);
    network.socket.accept();
    clock.advance(15_000);
    expect(client.connection.name).toBe("waiting");
  });

  it("does not listen to sockets that were replaced", () => {
    const made = joinedClient();
    const old = made.network.socket;
    reconnect(made);
    old.end(4403, "late");
    old.deliver({ type: "restart", reconnectInMs: 1 });
    old.accept();
    expect(made.client.connection).toMatchObject({ name: "live", restarting: false });
  });

  it("opens the next one before a restarting server closes it, and goes on there without a wait", () => {
    const made = joinedClient(messages(1, 1));
    const { client, clock, network, room } = made;
    const states: string[] = [];
    client.on("connection", (state) => states.push(state.name));
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    expect(network.sockets).toHaveLength(2);
    old.deliver(messages(2, 2)[0]!);
    expect(room.messages).toHaveLength(2);
    expect(old.closedByClient).toBe(false);
    room.send("on the way");
    const { key } = old.last("message");
    network.socket.accept();
    expect(old.closedByClient).toBe(true);
    old.end(1012);
    welcome(network.socket);
    joined(network.socket, { messages: messages(3, 3) });
    expect(network.socket.last("join").after).toBe("2-0");
    expect(network.socket.last("message").key).toBe(key);
    expect(states).not.toContain("waiting");
    expect(room.messages.map((message) => message.text)).toEqual(["text 1", "text 2", "text 3"]);
    clock.advance(20_000);
    expect(network.sockets).toHaveLength(2);
  });

  it("stays after `restart` until the server closes it where no other server is to be had", () => {
    const { client, clock, network } = joinedClient();
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    network.socket.end();
    clock.advance(1_000);
    expect(client.connection).toMatchObject({ name: "live", restarting: true });
    old.end(1012);
    clock.advance(1_000);
    expect(client.connection.name).toBe("connecting");
  });

  it("leaves by itself where a restarting server never closes it", () => {
    const { client, clock, network } = joinedClient();
    network.socket.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(10_000);
    expect(client.connection.name).toBe("waiting");
  });

  it("is asked for a sign of life after the machine slept, and given up where none comes within 3 s", () => {
    const { client, clock, network } = joinedClient();
    clock.sleep(26_000);
    expect(client.connection.name).toBe("live");
    const { ref } = network.socket.last("ping");
    clock.advance(2_000);
    network.socket.deliver({ type: "pong", ref });
    clock.advance(20_000);
    expect(client.connection.name).toBe("live");
    clock.sleep(3_600_000);
    clock.advance(2_999);
    expect(client.connection.name).toBe("live");
    clock.advance(1);
    expect(client.connection.name).toBe("waiting");
    expect(network.socket.closedByClient).toBe(true);
  });

  it("is asked for a sign of life when somebody looks, or tried at once where it is away", () => {
    const { client, clock, network } = joinedClient();
    client.probe();
    expect(network.socket.all("ping")).toHaveLength(1);
    clock.advance(3_000);
    expect(client.connection.name).toBe("waiting");
    client.probe();
    expect(client.connection.name).toBe("connecting");
  });

  it("counts failures from the start again only after it was live for 5 s", () => {
    const { client, clock, network } = newClient();
    client.start();
    for (let failures = 0; failures < 4; failures += 1) {
      network.socket.end();
      clock.advance(10_000);
    }
    network.socket.accept();
    welcome(network.socket);
    expect(client.connection).toMatchObject({ name: "live", attempt: 4 });
    clock.advance(5_000);
    expect(client.connection).toMatchObject({ name: "live", attempt: 0 });
  });

  it("is tried at once when somebody asks", () => {
    const { client, network } = joinedClient();
    network.socket.end();
    client.retryNow();
    expect(client.connection.name).toBe("connecting");
    expect(network.sockets).toHaveLength(2);
  });

  it("goes on with a guest's name where the chosen one is refused", () => {
    const { client, network } = newClient({ handle: "system" });
    const refusals: string[] = [];
    client.on("handle-refused", (sentence) => refusals.push(sentence));
    client.start();
    network.socket.accept();
    const { ref } = network.socket.last("hello");
    network.socket.deliver({ type: "error", ref, code: "bad-handle", message: "Taken.", retryable: false });
    expect(refusals).toEqual(["Taken."]);
    expect(network.socket.last("hello")).not.toHaveProperty("handle");
  });

  it("survives frames that are none", () => {
    const { client, network, room } = joinedClient();
    for (const frame of ["", "null", "[]", "{", "7", '{"type":"message","id":"1-1"}', '{"type":"joined"}']) {
      network.socket.deliver(frame);
    }
    expect(client.connection.name).toBe("live");
    expect(room.messages).toEqual([]);
  });

  it("is ended by stop, with every timer", () => {
    const { client, clock, network } = joinedClient();
    client.stop();
    expect(network.socket.closedByClient).toBe(true);
    expect(clock.waiting).toBe(0);
  });
});
