import { type ClientOptions, type RawData, WebSocket } from "ws";
import type { ClientSocket, SocketListener } from "../../src/client/ports.ts";
import type { WireWitness } from "./wire-witness.ts";

/** Opens a socket for the client library; the witness reads everything before the library does. */
export function openWitnessed(
  url: string,
  subprotocol: string,
  listener: SocketListener,
  witness: WireWitness,
  options: ClientOptions = {},
): WebSocket {
  const socket = new WebSocket(url, subprotocol, { perMessageDeflate: false, ...options });
  socket.on("open", () => listener.opened());
  socket.on("message", (data: RawData) => {
    const text = data.toString();
    witness.received(text);
    listener.received(text);
  });
  // An error is always followed by close.
  socket.on("error", () => undefined);
  socket.on("close", (code, reason) => listener.closed(code, reason.toString()));
  return socket;
}

/** The socket as the library sees it. */
export function clientSocket(socket: WebSocket): ClientSocket {
  return {
    send: (text) => socket.send(text, ignoreFailure),
    // Who gives a connection up does not wait for the other end to agree.
    close: () => socket.terminate(),
  };
}

/** A send on a socket that is closing fails; `close` tells. */
function ignoreFailure(): void {}
