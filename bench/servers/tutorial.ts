/**
 * The chat server as articles write it: fastify, @fastify/websocket, ioredis, one channel, and
 * `client.send(message)` for every open client. Run with PORT and REDIS_URL.
 */
import websocket from "@fastify/websocket";
import fastify from "fastify";
import { Redis } from "ioredis";
import { WebSocket } from "ws";

const CHANNEL = "chat";
const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
const publisher = new Redis(url);
const subscriber = new Redis(url);
const clients = new Set<WebSocket>();

const app = fastify();
await app.register(websocket);

app.get("/livez", () => "ok");

app.get("/ws", { websocket: true }, (socket) => {
  clients.add(socket);
  socket.on("message", (message) => {
    void publisher.publish(CHANNEL, message.toString());
  });
  socket.on("close", () => clients.delete(socket));
});

subscriber.on("message", (_channel, message) => {
  for (const client of clients) {
    if (client.readyState === WebSocket.OPEN) client.send(message);
  }
});

await subscriber.subscribe(CHANNEL);
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
