import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Outbox } from "../../../src/chat/room/outbox.ts";
import { CLOSE } from "../../../src/protocol/codes.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import type { Entry } from "../../../src/store/store.ts";
import { V1_CODEC } from "../../../src/transport/codecs/v1.ts";
import { SocketConnection } from "../../../src/transport/websocket/socket-connection.ts";
import { makeCertificates } from "../../kit/servers/certificates.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const MIB = 1024 * 1024;
const CLOCK = { now: 0 };

/** One end of a real connection, and the other. */
interface Pair {
  readonly connection: SocketConnection;
  readonly socket: WebSocket;
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

interface ServerOptions {
  readonly deflate?: boolean;
  readonly tls?: boolean;
}

/** A server; each call connects one more client to it. */
async function startServer({
  deflate = false,
  tls = false,
}: ServerOptions = {}): Promise<() => Promise<Pair>> {
  const server = tls ? createTlsServer(await certificate()) : createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: deflate });
  open.push({ server, sockets });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return async () => {
    const arrival = once(sockets, "connection");
    const client = new WebSocket(`${tls ? "wss" : "ws"}://127.0.0.1:${port}`, {
      perMessageDeflate: deflate,
      rejectUnauthorized: false,
    });
    const received: string[] = [];
    client.on("message", (data) => received.push(data.toString()));
    client.on("error", () => undefined);
    const [socket, request]: [WebSocket, IncomingMessage] = (await arrival) as [WebSocket, IncomingMessage];
    socket.on("error", () => undefined);
    await (client.readyState === WebSocket.OPEN || once(client, "open"));
    const connection = new SocketConnection(socket, request.socket, V1_CODEC, "192.0.2.1", CLOCK);
    return { connection, socket, wire: request.socket, client, received };
  };
}

async function certificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const { chain, key, remove } = await makeCertificates();
  const [cert, secret] = await Promise.all([readFile(chain, "utf8"), readFile(key, "utf8")]);
  await remove();
  return { cert, key: secret };
}

function entry(text: string): Entry {
  return { id: "1-1", prev: "0-0", frame: Buffer.from(text) };
}

describe.each([
  { path: "one buffer straight to the kernel", options: {} },
  { path: "one buffer to the socket below ws, where it encrypts", options: { tls: true } },
  { path: "ws's own send, where an extension is in use", options: { deflate: true } },
])("frames go out by $path", ({ options }) => {
  test("frames of every length arrive whole and in order, joined or not", async () => {
    const { connection, received } = await (await startServer(options))();
    const texts = [0, 125, 126, 65_535, 65_536, 300_000].map((length) => "é".repeat(length / 2));
    connection.write(Buffer.concat(texts.map((text) => V1_CODEC.entry(entry(text)))));
    connection.write(V1_CODEC.entry(entry("last")));
    await waitFor(() => received.length === texts.length + 1, "all frames arrived");
    expect(received).toEqual([...texts, "last"]);
  });

  test("answers of one tick stay in order with what is shared by all, and come before a close", async () => {
    const { connection, client, received } = await (await startServer(options))();
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

  test("a batch larger than a MiB, a slow reader and a closing one in the middle do not affect the others", async () => {
    const connect = await startServer(options);
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

test("what a peer takes of a large frame is seen before the frame is gone, and a write is no progress", async () => {
  const { connection, client } = await (await startServer())();
  client.pause();
  connection.write(V1_CODEC.entry(entry(randomText(16 * MIB))));
  await waitFor(() => isSteady(connection), "the kernel takes no more");
  const stalled = connection.progress;
  connection.write(V1_CODEC.entry(entry("more")));
  await new Promise(setImmediate);
  expect(connection.progress).toBe(stalled);
  const { waiting } = connection;
  client.resume();
  // Every tick: the whole frame takes many of them.
  while (connection.progress === stalled) await new Promise(setImmediate);
  expect(connection.waiting).toBe(waiting);
});

test("what a peer sends while it is not read arrives when it is read again, and a close is answered all the same", async () => {
  const connect = await startServer();
  const [resumed, closed] = [await connect(), await connect()];
  const got: string[] = [];
  for (const { connection } of [resumed, closed]) connection.pause();
  resumed.socket.on("message", (data) => got.push(data.toString()));
  const sent = Array.from({ length: 100 }, (_, n) => `${n} ${randomText(1_000)}`);
  for (const text of sent) resumed.client.send(text);
  closed.connection.close(CLOSE.tooMany, "1000");
  const [code] = await once(closed.socket, "close");
  expect(code).toBe(CLOSE.tooMany);
  expect(got).toEqual([]);
  resumed.connection.resume();
  await waitFor(() => got.length === sent.length, "everything arrived");
  expect(got).toEqual(sent);
});

test("a reader that stops is closed as too slow, and what waits for it stays bounded", async () => {
  const { connection, wire, client } = await (await startServer())();
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

/** How many pieces each joined write of a socket has, from now on. */
function joinedWritesOf(wire: Socket): readonly number[] {
  const writes: number[] = [];
  const writev = wire._writev?.bind(wire);
  wire._writev = (chunks, done) => {
    writes.push(chunks.length);
    writev?.(chunks, done);
  };
  return writes;
}

test("answers of one tick are sent in one write", async () => {
  const { connection, wire, received } = await (await startServer())();
  const writes = joinedWritesOf(wire);
  for (const text of ["one", "two", "three"]) connection.write(V1_CODEC.entry(entry(text)), "soon");
  await waitFor(() => received.length === 3, "all answers arrived");
  expect(writes).toEqual([3]);
});

test("what is held leaves together with what comes until it is released, in one write, and before a close", async () => {
  const { connection, wire, received } = await (await startServer())();
  const writes = joinedWritesOf(wire);
  connection.write(V1_CODEC.entry(entry("ack")), "held");
  connection.write(V1_CODEC.entry(entry("error")), "soon");
  connection.write(V1_CODEC.entry(entry("shared")));
  await new Promise(setImmediate);
  expect(writes).toEqual([]);
  connection.release();
  connection.release();
  await waitFor(() => received.length === 3, "all of it arrived");
  expect(received).toEqual(["ack", "error", "shared"]);
  expect(writes).toEqual([3]);
  connection.write(V1_CODEC.entry(entry("last")), "held");
  connection.close(1012, "restart");
  await waitFor(() => received.length === 4, "what was held came before the close");
});

test("a client in several rooms gets what each of them broadcasts", async () => {
  const { connection, received } = await (await startServer())();
  const rooms = [new Outbox(1), new Outbox(1), new Outbox(0)];
  for (const [index, room] of rooms.entries()) {
    room.add(connection);
    room.push(entry(`room ${index}`));
  }
  await waitFor(() => received.length === 3, "a message of each room arrived");
  expect(received.toSorted()).toEqual(["room 0", "room 1", "room 2"]);
});

test("a shared batch costs the socket's stream nothing while the reader keeps up", async () => {
  const { connection, wire, received } = await (await startServer())();
  const writes = vi.spyOn(wire, "write");
  for (const text of ["one", "two", "three"]) connection.write(V1_CODEC.entry(entry(text)));
  await waitFor(() => received.length === 3, "all of it arrived");
  expect(writes).not.toHaveBeenCalled();
});

test("what the kernel does not take at once follows in order when the reader goes on", async () => {
  const { connection, wire, client, received } = await (await startServer())();
  client.pause();
  const texts: string[] = [];
  const write = () => {
    // Of a size that no buffer is a multiple of, so that one is taken in part.
    const text = `${texts.length} ${randomText(40_009)}`;
    texts.push(text);
    connection.write(V1_CODEC.entry(entry(text)));
  };
  for (let time = 0; time < 2; time += 1) {
    // How much the kernel takes varies, and is more the second time.
    while (wire.writableLength === 0 && texts.length < 2_000) write();
    expect(wire.writableLength, "more than the kernel takes").toBeGreaterThan(0);
    for (let more = 0; more < 50; more += 1) write();
    client.resume();
    await waitFor(() => received.length === texts.length, "all of it arrived");
    client.pause();
  }
  expect(received).toEqual(texts);
});

test("what the stream has not written yet comes first", async () => {
  const { connection, wire, received } = await (await startServer())();
  const write = wire._write.bind(wire);
  // Takes its time, as it does after a kernel that is full.
  wire._write = (chunk, encoding, done) => void setImmediate(write, chunk, encoding, done);
  wire.write(V1_CODEC.entry(entry("a frame of ws's own")));
  connection.write(V1_CODEC.entry(entry("shared")));
  await waitFor(() => received.length === 2, "both arrived");
  expect(received).toEqual(["a frame of ws's own", "shared"]);
});

test("what is written to a socket in the tick that destroyed it is dropped, and not sent to the socket that has its descriptor now", async () => {
  const { connection, wire } = await (await startServer())();
  const gone = new Promise((resolve) => wire.once("close", resolve));
  connection.write(V1_CODEC.entry(entry("for its client")));
  const before = descriptorOf(wire);
  wire.destroy();
  const folder = mkdtempSync(join(tmpdir(), "dynochat-descriptor-"));
  const file = join(folder, "next");
  const opened: number[] = [];
  while (opened.at(-1) !== before && opened.length < 100) opened.push(openSync(file, "a"));
  connection.write(V1_CODEC.entry(entry("for nobody")));
  const written = readFileSync(file, "utf8");
  for (const descriptor of opened) closeSync(descriptor);
  rmSync(folder, { recursive: true });
  expect(opened, "the socket's descriptor was free at once").toContain(before);
  expect(written).toBe("");
  await gone;
});

function descriptorOf(wire: Socket): unknown {
  return (wire as unknown as { _handle: { fd: unknown } })._handle.fd;
}

function randomText(length: number): string {
  return randomBytes(length).toString("base64url").slice(0, length);
}

/** Whether nothing was taken of what waits since the last call for this connection. */
const progressSeen = new WeakMap<SocketConnection, number>();
function isSteady(connection: SocketConnection): boolean {
  const steady = connection.waiting > 0 && progressSeen.get(connection) === connection.progress;
  progressSeen.set(connection, connection.progress);
  return steady;
}
