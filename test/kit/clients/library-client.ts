import { WebSocket } from "ws";
import { ChatClient } from "../../../src/client/client.ts";
import type { OpenSocket } from "../../../src/client/ports.ts";
import type { Room } from "../../../src/client/room/room.ts";
import { afterwards } from "../vitest/cleanup.ts";
import { waitFor } from "../vitest/wait-for.ts";

/** `ws` as the client library wants a socket, with the headers of the moment. */
export function openWsSocketWith(headers: () => Readonly<Record<string, string>>): OpenSocket {
  return (url, subprotocol, listener) => {
    const socket = new WebSocket(url, subprotocol, { headers: headers() });
    socket.on("open", () => listener.opened());
    socket.on("message", (data) => listener.received(data.toString()));
    // Always followed by close.
    socket.on("error", () => undefined);
    socket.on("close", (code, reason) => listener.closed(code, reason.toString()));
    return { send: (text) => socket.send(text), close: () => socket.terminate() };
  };
}

export const openWsSocket: OpenSocket = openWsSocketWith(() => ({}));

/** The client library as the page uses it, in a room: what its user would see. Ends with the test. */
export async function openLibraryClient(wsUrl: string, room: string): Promise<Room> {
  const client = new ChatClient({ url: new URL("/ws", wsUrl).href, openSocket: openWsSocket });
  afterwards(() => client.stop());
  const joined = client.join(room);
  client.start();
  await waitFor(() => joined.state === "current", `the client library joins ${room}`);
  return joined;
}

/** What its user reads, oldest first; a mark where something is missing. */
export function shownBy(room: Room): string[] {
  return room.messages.flatMap(({ text, gap }) => (gap === "none" ? [text] : ["…", text]));
}
