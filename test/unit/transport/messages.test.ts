import { once } from "node:events";
import type { Writable } from "node:stream";
import { expect, it } from "vitest";
import * as ws from "ws";
import { WebSocket } from "ws";
import { clientFrame, OPCODE } from "../../../bench/generator/frames.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import { UnfinishedMessage } from "../../../src/transport/websocket/unfinished-message.ts";
import { openApi } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor, within } from "../../kit/vitest/wait-for.ts";

/** What reads frames in `ws`; exported there, and left out of its types. */
const Receiver: new (options: object) => Writable = Reflect.get(ws, "Receiver");

/** A receiver of `ws`, and what is said about the socket that has it. */
function receiving() {
  const receiver = new Receiver({ isServer: true, maxPayload: LIMITS.frameBytes });
  const socket = { _receiver: receiver } as unknown as WebSocket;
  return { receiver, unfinished: new UnfinishedMessage(socket) };
}

const FIN = 0x80;

/** A client's frame of that opcode which does not end its message. */
function fragment(opcode: number, payload: Buffer): Buffer {
  const frame = Buffer.from(clientFrame(opcode, payload));
  frame[0] = (frame[0] ?? 0) & ~FIN;
  return frame;
}

it.each([1, 2, 5, 6, 50])("a frame of which %d bytes came is unfinished, and whole it is not", (cut) => {
  const { receiver, unfinished } = receiving();
  const frame = clientFrame(OPCODE.text, Buffer.from("x".repeat(100)));
  expect(unfinished.isThere).toBe(false);
  receiver.write(frame.subarray(0, cut));
  expect(unfinished.isThere).toBe(true);
  receiver.write(frame.subarray(cut));
  expect(unfinished.isThere).toBe(false);
});

it("a message is unfinished until its last fragment, also after a whole ping", () => {
  const { receiver, unfinished } = receiving();
  receiver.write(fragment(OPCODE.text, Buffer.from("half")));
  expect(unfinished.isThere).toBe(true);
  receiver.write(clientFrame(OPCODE.ping, Buffer.from("alive")));
  expect(unfinished.isThere).toBe(true);
  receiver.write(clientFrame(0, Buffer.from("whole")));
  expect(unfinished.isThere).toBe(false);
});

/** A plain client of a chat of its own, the chat's counts, and the code that its connection closed with. */
async function connected() {
  const app = await openApi();
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
  afterwards(() => socket.terminate());
  const closed = once(socket, "close").then(([code]: unknown[]) => code);
  await within(once(socket, "open"), "the socket is open");
  return { app, socket, closed, counters: app.dynochat.chat.counters };
}

it("a socket knows of a message that is unfinished", async () => {
  const { app, socket } = await connected();
  socket.send("half", { fin: false });
  const [session] = app.dynochat.chat.sessions();
  const connection: unknown = session?.connection;
  await waitFor(() => Reflect.get(Object(connection), "isMidMessage") === true, "the half is there");
});

it("a message of more fragments than allowed closes its socket, and is counted", async () => {
  const { socket, closed, counters } = await connected();
  for (let sent = 0; sent <= LIMITS.messageFragments; sent += 1) socket.send("", { fin: false });
  expect(await within(closed, "the socket closes")).toBe(1008);
  expect(counters.limited.get("message-parts")).toBe(1);
});

it("a message of as many fragments as allowed is accepted", async () => {
  const { socket, counters } = await connected();
  socket.send('{"handle":"Ada","text":"', { fin: false });
  for (let sent = 2; sent < LIMITS.messageFragments; sent += 1) socket.send("x", { fin: false });
  socket.send('"}');
  await waitFor(() => counters.messages === 1, "the message is stored");
});

it("a frame that comes in too many pieces closes its socket, and is counted", async () => {
  const { socket, closed, counters } = await connected();
  const frame = clientFrame(OPCODE.text, Buffer.from("x".repeat(2_000)));
  const wire: unknown = Reflect.get(socket, "_socket");
  let ended = false;
  void closed.then(() => {
    ended = true;
  });
  for (let at = 0; at < frame.length && !ended; at += 1) {
    (wire as Writable).write(frame.subarray(at, at + 1));
    // So that the system sends each byte by itself.
    await new Promise(setImmediate);
  }
  expect(await within(closed, "the socket closes")).toBe(1008);
  expect(counters.limited.get("message-parts")).toBe(1);
});
