import type { ClientSocket, OpenSocket, SocketListener } from "../../../src/client/ports.ts";
import type { ClientFrame } from "../../../src/protocol/frames.ts";

/** One socket whose other end is the test. */
export class FakeSocket implements ClientSocket {
  readonly url: string;
  readonly subprotocol: string;
  readonly sent: ClientFrame[] = [];
  closedByClient = false;
  readonly #listener: SocketListener;

  constructor(url: string, subprotocol: string, listener: SocketListener) {
    this.url = url;
    this.subprotocol = subprotocol;
    this.#listener = listener;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closedByClient = true;
  }

  /** The server accepts the connection. */
  accept(): void {
    this.#listener.opened();
  }

  /** A frame arrives at the client. */
  deliver(frame: object | string): void {
    this.#listener.received(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The connection ends. */
  end(code = 1006, reason = ""): void {
    this.#listener.closed(code, reason);
  }

  /** The last frame of a type that the client sent. Throws if there is none. */
  last<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }> {
    const found = this.all(type).at(-1);
    if (found === undefined) throw new Error(`The client sent no ${type}`);
    return found;
  }

  all<T extends ClientFrame["type"]>(type: T): Extract<ClientFrame, { type: T }>[] {
    return this.sent.filter((frame): frame is Extract<ClientFrame, { type: T }> => frame.type === type);
  }
}

/** Every socket that was opened through it. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];

  readonly open: OpenSocket = (url, subprotocol, listener) => {
    const socket = new FakeSocket(url, subprotocol, listener);
    this.sockets.push(socket);
    return socket;
  };

  /** The newest one. Throws if none was opened. */
  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (newest === undefined) throw new Error("The client opened no socket");
    return newest;
  }
}
