import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Outbox } from "../../src/chat/outbox.ts";
import type { Entry } from "../../src/log/log.ts";
import { CLOSE, LIMITS } from "../../src/protocol.ts";
import { V1_CODEC } from "../../src/sockets/codecs/v1-codec.ts";
import { SocketConnection } from "../../src/sockets/socket-connection.ts";
import { waitFor } from "../kit/wait-for.ts";

const MIB = 1024 * 1024;
const CLOCK = { now: 0 };

/** One end of a real connection, and the other. */
interface Pair {
  readonly connection: SocketConnection;
  readonly wire: Socket;
  readonly client: WebSocket;
  readonly received: string[];
}

const open: { server: Server; sockets: WebSocketServer }[] = [];
afterEach(() => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  }
});

async function house(perMessageDeflate: boolean): Promise<() => Promise<Pair>> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate });
  open.push({ server, sockets });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return async () => {
    const arrival = once(sockets, "connection");
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate });
    const received: string[] = [];
    client.on("message", (data) => received.push(data.toString()));
    client.on("error", () => undefined);
    const [socket, request]: [WebSocket, IncomingMessage] = (await arrival) as [WebSocket, IncomingMessage];
    socket.on("error", () => undefined);
    await (client.readyState === WebSocket.OPEN || once(client, "open"));
    const connection = new SocketConnection(socket, request.socket, V1_CODEC, CLOCK);
    return { connection, wire: request.socket, client, received };
  };
}

function entry(text: string): Entry {
  return { id: "1-1", prev: "0-0", frame: Buffer.from(text) };
}

describe.each([
  { path: "one buffer to the socket below ws", deflate: false },
  { path: "ws's own send, where an extension is in use", deflate: true },
])("frames go out by $path", ({ deflate }) => {
  test("frames of every length arrive whole and in order, joined or not", async () => {
    const { connection, received } = await (await house(deflate))();
    const texts = [0, 125, 126, 65_535, 65_536, 300_000].map((length) => "é".repeat(length / 2));
    connection.write(Buffer.concat(texts.map((text) => V1_CODEC.entry(entry(text)))));
    connection.write(V1_CODEC.entry(entry("last")));
    await waitFor(() => received.length === texts.length + 1, "all frames arrived");
    expect(received).toEqual([...texts, "last"]);
  });

  test("answers of one turn stay in order with what is shared by all, and come before a close", async () => {
    const { connection, client, received } = await (await house(deflate))();
    const closed = once(client, "close");
    connection.write(V1_CODEC.entry(entry("answer 1")), "soon");
    connection.write(V1_CODEC.entry(entry("answer 2")), "soon");
    connection.write(V1_CODEC.entry(entry("shared")));
    connection.write(V1_CODEC.entry(entry("answer 3")), "soon");
    connection.close(1012, "restart");
    connection.write(V1_CODEC.entry(entry("after the close")));
    expect((await closed)[0]).toBe(1012);
    expect(received).toEqual(["answer 1", "answer 2", "shared", "answer 3"]);
  });

  test("a batch larger than a MiB, a slow reader and a closing one in the middle hurt nobody else", async () => {
    const connect = await house(deflate);
    const [first, slow, closing, last] = [await connect(), await connect(), await connect(), await connect()];
    slow.client.pause();
    const outbox = new Outbox(1);
    for (const { connection } of [first, slow, closing, last]) outbox.add(connection);
    closing.connection.close(1000, "");
    // Random, so that compression does not make it small.
    const big = Array.from({ length: 24 }, () => randomText(64 * 1024));
    for (const text of big) outbox.push(entry(text));
    outbox.flush();
    for (const { received } of [first, last]) {
      await waitFor(() => received.length === big.length, "the batch arrived");
      expect(received).toEqual(big);
    }
    expect(closing.received).toEqual([]);
  });
});

test("a reader that stops is closed as too slow, and what waits for it stays bounded", async () => {
  const { connection, wire, client } = await (await house(false))();
  client.pause();
  const outbox = new Outbox(1);
  outbox.add(connection);
  const text = randomText(256 * 1024);
  let most = 0;
  for (let pushed = 0; pushed < 200 && connection.ending === undefined; pushed += 1) {
    outbox.push(entry(text));
    outbox.flush();
    most = Math.max(most, wire.writableLength);
    await new Promise(setImmediate);
  }
  expect(connection.ending?.code).toBe(CLOSE.tooSlow);
  expect(most).toBeLessThan(LIMITS.closeWaterline + MIB);
});

test("answers of one turn leave in one write", async () => {
  const { connection, wire, received } = await (await house(false))();
  const writes: number[] = [];
  const writev = wire._writev?.bind(wire);
  wire._writev = (chunks, done) => {
    writes.push(chunks.length);
    writev?.(chunks, done);
  };
  for (const text of ["one", "two", "three"]) connection.write(V1_CODEC.entry(entry(text)), "soon");
  await waitFor(() => received.length === 3, "all answers arrived");
  expect(writes).toEqual([3]);
});

test("a client in several rooms gets what each of them shows", async () => {
  const { connection, received } = await (await house(false))();
  const rooms = [new Outbox(1), new Outbox(1), new Outbox(0)];
  for (const [index, room] of rooms.entries()) {
    room.add(connection);
    room.push(entry(`room ${index}`));
  }
  await waitFor(() => received.length === 3, "a message of each room arrived");
  expect(received.toSorted()).toEqual(["room 0", "room 1", "room 2"]);
});

function randomText(length: number): string {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}
