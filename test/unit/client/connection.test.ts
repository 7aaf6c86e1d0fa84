import { describe, expect, it } from "vitest";
import { backoffMs } from "../../../src/client/connection/backoff.ts";
import {
  type ConnectionEvent,
  type ConnectionState,
  type Loss,
  nextConnectionState,
} from "../../../src/client/connection/connection.ts";
import {
  joined,
  joinedClient,
  messages,
  newClient,
  reconnect,
  welcome,
} from "../../kit/clients/connected-client.ts";

const idle: ConnectionState = { name: "idle" };
const connecting: ConnectionState = { name: "connecting", attempt: 3 };
const greeting: ConnectionState = { name: "greeting", attempt: 3 };
const live: ConnectionState = { name: "live", attempt: 3, restarting: false };
const leaving: ConnectionState = { name: "live", attempt: 3, restarting: true };
const waiting: ConnectionState = { name: "waiting", attempt: 4, retryAt: 9, cause: "lost" };
const closed: ConnectionState = { name: "closed", cause: "forbidden", reason: "banned" };

function lost(code: number, reason = ""): Loss {
  return { at: 1_000, code, reason, random: 0.5 };
}

const rows: [ConnectionState, ConnectionEvent, ConnectionState | "the same"][] = [
  [idle, "start", { name: "connecting", attempt: 0 }],
  [idle, "retry", "the same"],
  [idle, "stop", "the same"],
  [idle, lost(1006), "the same"],
  [connecting, "start", "the same"],
  [connecting, "opened", greeting],
  [connecting, "welcome", "the same"],
  [connecting, "retry", "the same"],
  [connecting, "stop", idle],
  [connecting, lost(1006), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [greeting, "welcome", live],
  [greeting, "opened", "the same"],
  [greeting, "settled", "the same"],
  [greeting, lost(4401, "no"), { name: "closed", cause: "unauthorized", reason: "no" }],
  [live, "welcome", "the same"],
  [live, "opened", greeting],
  [leaving, "opened", greeting],
  [live, "settled", { name: "live", attempt: 0, restarting: false }],
  [live, "restart", { name: "live", attempt: 0, restarting: true }],
  [live, "restart-again", { name: "live", attempt: 4, restarting: true }],
  [live, "stop", idle],
  [leaving, "handover", connecting],
  [greeting, "handover", "the same"],
  [waiting, "handover", "the same"],
  [live, lost(1001), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "restarting" }],
  [live, lost(1011), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(1012), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "restarting" }],
  [live, lost(1013), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(4400, "bad"), { name: "closed", cause: "protocol", reason: "bad" }],
  [live, lost(4403), { name: "closed", cause: "forbidden", reason: "" }],
  [connecting, lost(4490), { name: "closed", cause: "origin", reason: "" }],
  [live, lost(4408), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [live, lost(4429, "7000"), { name: "waiting", attempt: 4, retryAt: 8_000, cause: "too-many" }],
  [live, lost(4429, "?"), { name: "waiting", attempt: 4, retryAt: 11_000, cause: "too-many" }],
  [live, lost(4429, "0"), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "too-many" }],
  [live, lost(4429, "9e99"), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "too-many" }],
  [live, lost(4429, "9".repeat(400)), { name: "waiting", attempt: 4, retryAt: 601_000, cause: "too-many" }],
  [live, lost(1009), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "too-big" }],
  [greeting, lost(1009, "too big"), { name: "closed", cause: "refused", reason: "too big" }],
  [
    greeting,
    { ...lost(1006), awayMs: 7_000 },
    { name: "waiting", attempt: 4, retryAt: 8_000, cause: "too-many" },
  ],
  [greeting, { ...lost(1006), awayMs: -1 }, { name: "waiting", attempt: 4, retryAt: 3_000, cause: "lost" }],
  [
    greeting,
    { ...lost(4401), cause: "token" },
    { name: "waiting", attempt: 4, retryAt: 3_000, cause: "token" },
  ],
  [leaving, lost(1012), { name: "waiting", attempt: 4, retryAt: 3_000, cause: "restarting" }],
  [
    { name: "live", attempt: 0, restarting: true },
    lost(1012),
    { name: "waiting", attempt: 0, retryAt: 1_500, cause: "restarting" },
  ],
  [
    { name: "live", attempt: 0, restarting: true },
    lost(4429, "7000"),
    { name: "waiting", attempt: 1, retryAt: 8_000, cause: "too-many" },
  ],
  [leaving, lost(4401), { name: "closed", cause: "unauthorized", reason: "" }],
  [waiting, "retry", { name: "connecting", attempt: 4 }],
  [waiting, "start", "the same"],
  [waiting, "network", { name: "connecting", attempt: 0 }],
  [{ ...waiting, cause: "too-many" }, "network", "the same"],
  [connecting, "network", "the same"],
  [idle, "network", "the same"],
  [closed, "network", "the same"],
  [waiting, lost(1006), "the same"],
  [waiting, "stop", idle],
  [closed, "retry", "the same"],
  [closed, lost(1006), "the same"],
  [closed, "start", { name: "connecting", attempt: 0 }],
  [closed, "stop", idle],
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
    expect(backoffMs(3, 0)).toBe(120);
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
    expect(made.client.connection).toMatchObject({ name: "waiting", cause: "token" });
    made.clock.advance(20_000);
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

  it.each([
    ["before", ["hello"]],
    ["after", []],
  ])(
    "sends nothing before hello on a next one that opens %s the old one is closed, also where a listener sends as a room goes away",
    (when, sent) => {
      const { client, clock, network } = newClient();
      const [attic, lobby] = [client.join("attic"), client.join("lobby")];
      client.start();
      network.socket.accept();
      welcome(network.socket);
      for (const { ref, room } of network.socket.all("join")) joined(network.socket, { ref, room });
      attic.on("state", (state) => {
        if (state === "away") lobby.send("The attic is away.");
      });
      network.socket.deliver({ type: "restart", reconnectInMs: 1_000 });
      clock.advance(0);
      expect(network.sockets).toHaveLength(2);
      if (when === "before") network.socket.accept();
      else network.sockets[0]?.end(1012);
      expect(network.socket.sent.slice(0, 1).map(({ type }) => type)).toEqual(sent);
      expect(lobby.outgoing).toMatchObject([{ state: "queued" }]);
    },
  );

  it("goes from process to process without a pause while a deploy replaces them, and then with one", () => {
    const { client, clock, network } = newClient();
    client.start();
    for (let process = 1; process <= 4; process += 1) {
      network.socket.accept();
      welcome(network.socket);
      expect(network.sockets).toHaveLength(process);
      network.socket.deliver({ type: "restart", reconnectInMs: 1_000 });
      clock.advance(0);
    }
    expect(network.sockets).toHaveLength(4);
    clock.advance(4_000);
    expect(network.sockets).toHaveLength(5);
  });

  it("waits for the next one where the old one is closed before that is open, and begins no third", () => {
    const made = joinedClient(messages(1, 1));
    const { client, clock, network, room } = made;
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    room.send("on the way");
    const { key } = old.last("message");
    old.end(1012);
    expect(client.connection).toMatchObject({ name: "connecting", attempt: 0 });
    expect(network.socket.closedByClient).toBe(false);
    network.socket.accept();
    welcome(network.socket);
    joined(network.socket, { messages: messages(2, 2) });
    expect(network.socket.last("message").key).toBe(key);
    clock.advance(20_000);
    expect(network.sockets).toHaveLength(2);
  });

  it("sends nothing on the next one before that is open, also if the user types meanwhile", () => {
    const made = joinedClient();
    const { clock, network, room } = made;
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    room.typing(true);
    old.end(1012);
    room.typing(true);
    expect(network.socket).not.toBe(old);
    expect(network.socket.sent).toEqual([]);
    network.socket.accept();
    expect(network.socket.sent.map((frame) => frame.type)).toEqual(["hello"]);
  });

  it("comes back where the restart was announced before the welcome", () => {
    const { client, clock, network } = newClient();
    client.start();
    network.socket.accept();
    network.socket.deliver({ type: "restart", reconnectInMs: 2_000 });
    // Not greeted yet: there is nothing to move to another connection.
    clock.advance(1_500);
    expect(network.sockets).toHaveLength(1);
    welcome(network.socket);
    expect(client.connection.name).toBe("live");
    network.socket.end(1012);
    clock.advance(500);
    network.socket.accept();
    welcome(network.socket);
    expect(client.connection.name).toBe("live");
    expect(network.sockets).toHaveLength(2);
  });

  it("tries anew where the next one fails after the old one is closed", () => {
    const { client, clock, network } = joinedClient();
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    old.end(1012);
    network.socket.end();
    expect(client.connection.name).toBe("waiting");
    clock.advance(500);
    expect(network.sockets).toHaveLength(3);
  });

  it("tries the next one again where it was refused, while the old one still serves", () => {
    const made = joinedClient(messages(1, 1));
    const { client, clock, network } = made;
    const old = network.socket;
    old.deliver({ type: "restart", reconnectInMs: 8_000 });
    clock.advance(7_000);
    // Led to the very process that goes away.
    network.socket.end();
    clock.advance(500);
    expect(network.sockets).toHaveLength(3);
    expect(client.connection).toMatchObject({ name: "live", restarting: true });
    network.socket.accept();
    welcome(network.socket);
    expect(client.connection).toMatchObject({ name: "live", restarting: false });
    clock.advance(20_000);
    expect(network.sockets).toHaveLength(3);
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

  it("is probed when the user looks, or tried at once if it is lost", () => {
    const { client, clock, network } = joinedClient();
    client.probe();
    expect(network.socket.all("ping")).toHaveLength(1);
    clock.advance(3_000);
    expect(client.connection.name).toBe("waiting");
    client.probe();
    expect(client.connection.name).toBe("connecting");
  });

  it("tells the caller of a probe when the server has answered, and only then", () => {
    const { client, clock, network } = joinedClient();
    let answers = 0;
    const probe = () => {
      client.probe(() => {
        answers += 1;
      });
      return network.socket.last("ping");
    };
    network.socket.deliver({ type: "pong", ref: probe().ref });
    expect(answers).toBe(1);
    probe();
    clock.advance(3_000);
    expect(client.connection.name).toBe("waiting");
    expect(answers).toBe(1);
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

  it("is tried at once when the user asks", () => {
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

  it("keeps the name that was given while the one before was being refused", () => {
    const { client, network } = newClient({ handle: "system" });
    const refuse = (ref: number) =>
      network.socket.deliver({ type: "error", ref, code: "bad-handle", message: "No.", retryable: false });
    client.start();
    network.socket.accept();
    client.setHandle("Ada");
    refuse(network.socket.last("hello").ref);
    expect(network.socket.last("hello").handle).toBe("Ada");
    welcome(network.socket);
    client.setHandle("system");
    const { ref } = network.socket.last("hello");
    client.setHandle("Bob");
    refuse(ref);
    welcome(network.socket, { id: "u1", handle: "Bob" });
    expect(network.socket.last("hello").handle).toBe("Bob");
    expect(network.socket.all("hello")).toHaveLength(4);
  });

  it("goes on with a guest's name where the one it had before is refused as well", () => {
    const made = newClient({ handle: "Ada" });
    made.client.start();
    made.network.socket.accept();
    welcome(made.network.socket);
    made.network.socket.end();
    made.client.retryNow();
    made.network.socket.accept();
    const { ref } = made.network.socket.last("hello");
    made.network.socket.deliver({ type: "error", ref, code: "bad-handle", message: "No.", retryable: false });
    expect(made.network.socket.last("hello")).not.toHaveProperty("handle");
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

  it.each(["settled", "restart"])("leaves no timer behind where a listener stops it at %s", (event) => {
    const { client, clock, network } = newClient();
    client.start();
    network.socket.end();
    clock.advance(500);
    network.socket.accept();
    welcome(network.socket);
    client.on("connection", () => client.stop());
    if (event === "settled") clock.advance(5_000);
    else network.socket.deliver({ type: "restart", reconnectInMs: 9_000 });
    expect(client.connection.name).toBe("idle");
    expect(clock.waiting).toBe(0);
  });

  it("is opened at once where a listener stops and starts it while a message is being sent", () => {
    const { client, clock, network, room } = joinedClient();
    const restart = room.on("outgoing", ([item]) => {
      if (item?.state !== "sending") return;
      restart();
      client.stop();
      client.start();
    });
    room.send("hello");
    clock.advance(0);
    expect(client.connection).toEqual({ name: "connecting", attempt: 0 });
    network.socket.accept();
    welcome(network.socket);
    joined(network.socket);
    expect(network.socket.all("message").map(({ text }) => text)).toEqual(["hello"]);
  });

  it("does not lose the next one to a request that was made when there was none", async () => {
    const made = newClient();
    const { client, clock, network } = made;
    const [attic, lobby] = [client.join("attic"), client.join("lobby")];
    client.start();
    network.socket.accept();
    welcome(network.socket);
    for (const { ref, room } of network.socket.all("join")) {
      joined(network.socket, { ref, room, messages: messages(7, 9, { room }), more: true });
    }
    const outcomes: Promise<string>[] = [];
    attic.on("state", (state) => {
      if (state === "away") outcomes.push(lobby.loadOlder());
    });
    network.socket.end();
    clock.advance(0);
    expect(await Promise.all(outcomes)).toEqual(["unavailable"]);
    client.retryNow();
    network.socket.accept();
    welcome(network.socket);
    for (const { ref, room } of network.socket.all("join")) joined(network.socket, { ref, room });
    for (let second = 0; second < 40; second += 1) {
      network.socket.deliver({ type: "ping" });
      clock.advance(1_000);
    }
    expect(client.connection.name).toBe("live");
  });
});
