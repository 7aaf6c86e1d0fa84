import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { it } from "vitest";
import { openApi } from "../kit/api.ts";
import { afterwards } from "../kit/cleanup.ts";
import { waitFor, within } from "../kit/wait-for.ts";

const PLAIN = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPGRADE = [
  "GET /ws HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

async function dial(): Promise<{ socket: Socket; got: () => string }> {
  const app = await openApi({ allowedOrigins: "*" });
  const { port } = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));
  const socket = connect(Number(port), "127.0.0.1");
  afterwards(() => socket.destroy());
  let text = "";
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
  });
  return { socket, got: () => text };
}

it("takes an upgrade on a connection whose requests are all answered", async () => {
  const { socket, got } = await dial();
  socket.write(PLAIN);
  await waitFor(() => got().includes("200 OK"), "the request is answered");
  socket.write(UPGRADE);
  await waitFor(() => got().includes("101 Switching Protocols"), "the socket is open");
});

it.each([
  ["one request", PLAIN],
  ["two requests", PLAIN + PLAIN],
  ["an event stream", PLAIN.replace("/livez", "/api/rooms/lobby/events")],
])("ends a connection that asks for a socket behind %s, still unanswered", async (_what, ahead) => {
  const { socket } = await dial();
  const ended = once(socket, "close");
  socket.write(ahead + UPGRADE);
  await within(ended, "the connection ends");
});
