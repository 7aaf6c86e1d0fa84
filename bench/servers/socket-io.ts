/**
 * The chat server that Socket.IO's documentation shows, with the adapter that ADAPTER names (`redis` or
 * `streams`). Run with PORT and REDIS_URL.
 */
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
const http = createServer((_request, response) => {
  response.end("ok");
});
const io = new Server(http, { adapter: adapter() });

io.on("connection", (socket) => {
  void socket.join("lobby");
  socket.on("message", (message: unknown) => {
    io.to("lobby").emit("message", message);
  });
});

http.listen(Number(process.env["PORT"]), "127.0.0.1");

function adapter() {
  const client = new Redis(url);
  return process.env["ADAPTER"] === "streams"
    ? createStreamsAdapter(client)
    : createAdapter(client, client.duplicate());
}
