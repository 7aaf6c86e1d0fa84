import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { Counters } from "../../../src/chat/counters.ts";
import { PLAIN_CODEC } from "../../../src/transport/codecs/plain.ts";
import { V1_CODEC } from "../../../src/transport/codecs/v1.ts";
import { Heartbeat } from "../../../src/transport/websocket/heartbeat.ts";
import { SocketConnection } from "../../../src/transport/websocket/socket-connection.ts";
import { payloadsIn } from "../../kit/fakes/fake-connection.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  return () => vi.useRealTimers();
});

/** A socket of `ws` that was opened, over a wire that the test reads. */
function open(codec = V1_CODEC, pingSeconds = 15) {
  const counters = new Counters();
  const heartbeat = new Heartbeat(pingSeconds, counters);
  heartbeat.start();
  const wire = new PassThrough();
  /** As `ws` keeps it, between two frames. */
  const receiver = { _state: 0, _bufferedBytes: 0, _fragmented: 0 };
  const socket = Object.assign(new EventEmitter(), {
    _receiver: receiver,
    readyState: WebSocket.OPEN as number,
    isPaused: false,
    ping: vi.fn(),
    close: vi.fn(() => {
      socket.readyState = WebSocket.CLOSING;
    }),
  });
  const connection = new SocketConnection(
    socket as unknown as WebSocket,
    wire,
    codec,
    "192.0.2.1",
    heartbeat,
  );
  heartbeat.add(connection);
  const written = () => payloadsIn((wire.read() as Buffer | null) ?? Buffer.alloc(0));
  return { heartbeat, connection, socket, written, receiver, counters };
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);

describe("the heartbeat", () => {
  it("neither pings nor closes a socket that is not read, until it is read again", async () => {
    const { socket, receiver } = open();
    socket.isPaused = true;
    receiver._fragmented = 1;
    await seconds(120);
    expect(socket.ping).not.toHaveBeenCalled();
    expect(socket.close).not.toHaveBeenCalled();
    socket.isPaused = false;
    receiver._fragmented = 0;
    await seconds(50);
    expect(socket.close).toHaveBeenCalledOnce();
  });

  it("closes a socket that answers no ping: after two, with 4408, when the third is due", async () => {
    const { socket, heartbeat } = open();
    await seconds(44);
    expect(socket.ping).toHaveBeenCalledTimes(2);
    expect(socket.close).not.toHaveBeenCalled();
    await seconds(2);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4408, expect.stringMatching(/ping/));
    await seconds(60);
    expect(socket.ping).toHaveBeenCalledTimes(2);
    expect(socket.close).toHaveBeenCalledTimes(1);
    heartbeat.stop();
  });

  it("keeps a socket whose peer answers, pinging it every 15 s", async () => {
    const { socket, heartbeat, connection } = open();
    socket.ping.mockImplementation(() => heartbeat.alive(connection));
    await seconds(151);
    expect(socket.ping.mock.calls.length).toBeGreaterThanOrEqual(9);
    expect(socket.close).not.toHaveBeenCalled();
    heartbeat.stop();
  });

  it("sends a v1 client a ping of its own after 25 s in which nothing was written, and not before", async () => {
    const { heartbeat, connection, socket, written } = open();
    socket.ping.mockImplementation(() => heartbeat.alive(connection));
    await seconds(24);
    expect(written()).toEqual([]);
    connection.write(V1_CODEC.frame({ type: "pong", ref: 1 }));
    written();
    await seconds(24);
    expect(written()).toEqual([]);
    await seconds(3);
    expect(written()).toEqual(['{"type":"ping"}']);
    await seconds(20);
    expect(written()).toEqual([]);
    heartbeat.stop();
  });

  it("sends none to a plain client, nor to a client that is gone", async () => {
    const { heartbeat, written, connection, socket } = open(PLAIN_CODEC);
    await seconds(29);
    expect(written()).toEqual([]);
    expect(socket.ping).toHaveBeenCalledTimes(1);
    heartbeat.remove(connection);
    await seconds(60);
    expect(socket.ping).toHaveBeenCalledTimes(1);
    expect(socket.close).not.toHaveBeenCalled();
    heartbeat.stop();
  });

  it("closes a socket whose message is not whole after 30 s, whatever else it sends", async () => {
    const { heartbeat, connection, socket, receiver, counters } = open();
    socket.ping.mockImplementation(() => heartbeat.alive(connection));
    receiver._fragmented = 1;
    await seconds(30);
    heartbeat.alive(connection);
    expect(socket.close).not.toHaveBeenCalled();
    await seconds(2);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4408, "a message took longer than 30 s");
    expect(counters.limited.get("message-time")).toBe(1);
    heartbeat.stop();
  });

  it("gives every message its own 30 s", async () => {
    const { heartbeat, connection, socket, receiver } = open();
    socket.ping.mockImplementation(() => heartbeat.alive(connection));
    receiver._bufferedBytes = 1;
    for (let message = 0; message < 4; message += 1) {
      await seconds(20);
      heartbeat.completed(connection);
    }
    receiver._bufferedBytes = 0;
    await seconds(20);
    receiver._bufferedBytes = 1;
    await seconds(20);
    expect(socket.close).not.toHaveBeenCalled();
    heartbeat.stop();
  });

  it("leaves no timer behind when it is stopped", () => {
    const { heartbeat } = open();
    heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a socket as the core sees it", () => {
  it("writes nothing after it was closed, and keeps how", () => {
    const { connection, written, heartbeat } = open();
    connection.close(4400, "enough");
    connection.write(V1_CODEC.frame({ type: "ping" }));
    connection.close(1012, "later");
    expect(written()).toEqual([]);
    expect(connection.ending).toEqual({ code: 4400, reason: "enough" });
    heartbeat.stop();
  });
});
