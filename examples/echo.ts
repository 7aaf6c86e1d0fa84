/**
 * Answers every message that begins with "echo" in a room: `npx tsx examples/echo.ts ws://localhost:3000/ws
 * lobby`.
 */

import { WebSocket } from "ws";
import { ChatClient } from "../src/client/client.ts";
import type { OpenSocket } from "../src/client/ports.ts";

// Node 20 has no WebSocket of its own; from Node 22 on, remove this and the option.
const openSocket: OpenSocket = (url, subprotocol, listener) => {
  const socket = new WebSocket(url, subprotocol);
  socket.on("open", () => listener.opened());
  socket.on("message", (text) => listener.received(text.toString()));
  socket.on("error", (error) => process.stderr.write(`${error.message}\n`));
  socket.on("close", (code, reason) => listener.closed(code, reason.toString()));
  return { send: (text) => socket.send(text), close: () => socket.terminate() };
};
const [url = "ws://localhost:3000/ws", roomName = "lobby"] = process.argv.slice(2);
const client = new ChatClient({ url, handle: "Echo", openSocket });
const room = client.join(roomName);
room.on("added", ({ messages, live }) => {
  const asked = messages.filter((message) => live && message.user !== client.self?.id);
  for (const { text } of asked) if (text.startsWith("echo ")) room.send(text.slice(5));
});
client.start();
