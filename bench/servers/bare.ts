/**
 * What fan-out alone costs in Node: the tutorial's server with dynochat's way of writing (one frame per message, joined within a
 * window, one write per client) and none of its promises: no ids, order, storage, acks, limits, presence or log lines. What
 * dynochat costs above this is what its promises cost. Run with PORT and REDIS_URL.
 */
import type { Duplex } from "node:stream";
import websocket from "@fastify/websocket";
import fastify from "fastify";
import { Redis } from "ioredis";
import { DirectWrite } from "../../src/transport/websocket/direct-write.ts";
import { textFrame } from "../../src/transport/websocket/text-frame.ts";

const CHANNEL = "chat";
/** As `BATCH_WINDOW_MS` is unless told otherwise. */
const WINDOW_MS = 5;
const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
const publisher = new Redis(url);
const subscriber = new Redis(url);
const wires = new Map<Duplex, DirectWrite>();
let due: Buffer[] = [];
let lastFlush = 0;

const app = fastify();
await app.register(websocket);

app.get("/livez", () => "ok");

app.get("/ws", { websocket: true }, (socket, request) => {
  const wire = request.raw.socket;
  wires.set(wire, new DirectWrite(wire));
  socket.on("message", (message) => {
    if (Buffer.isBuffer(message)) void publisher.publish(CHANNEL, message);
  });
  socket.on("close", () => wires.delete(wire));
});

subscriber.on("messageBuffer", (_channel, message: Buffer) => {
  due.push(textFrame(message));
  if (due.length > 1) return;
  const rest = lastFlush + WINDOW_MS - performance.now();
  if (rest > 0) setTimeout(flush, Math.ceil(rest));
  else setImmediate(flush);
});

function flush(): void {
  const batch = Buffer.concat(due);
  due = [];
  for (const [wire, direct] of wires) {
    const taken = direct.write(batch);
    if (taken < batch.length) wire.write(batch.subarray(taken));
  }
  lastFlush = performance.now();
}

await subscriber.subscribe(CHANNEL);
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
