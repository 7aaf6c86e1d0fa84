import { connect, type Socket } from "node:net";
import type { Dialect } from "./dialects.ts";
import { clientFrame, OPCODE } from "./frames.ts";
import { marksIn } from "./mark.ts";
import type { Follower } from "./order.ts";
import { FrameReader } from "./reader.ts";

/** One buffer for all reads of this process: a read has been handled before the next begins. */
const READ_BUFFER = Buffer.alloc(1024 * 1024);

const HEADERS_END = Buffer.from("\r\n\r\n");

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly dialect: Dialect;
  readonly room: string;
  readonly after: string | undefined;
  readonly follower: Follower;
}

/** Listener of the clients. */
export interface ClientListener {
  /** Called when the client has joined; `recovered` messages came with the answer. */
  ready(client: Client, recovered: number): void;
  acked(id: string | undefined): void;
  refused(): void;
  /** The socket ended; `code` as a close frame gave it, 1006 without one. Not after `destroy`. */
  ended(client: Client, code: number): void;
}

/**
 * `upgrading` until the server said 101, then `open`; `ready` when it takes part in the room; `over` is
 * final.
 */
type ClientState = "upgrading" | "open" | "ready" | "over";

/** One raw WebSocket client: as little work a frame as possible. */
export class Client {
  readonly room: string;
  readonly follower: Follower;
  readonly #dialect: Dialect;
  readonly #after: string | undefined;
  readonly #listener: ClientListener;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #head = Buffer.alloc(0);
  #state: ClientState = "upgrading";
  #wasReady = false;
  #code = 1006;

  constructor({ host, port, dialect, room, after, follower }: ClientOptions, listener: ClientListener) {
    this.room = room;
    this.follower = follower;
    this.#dialect = dialect;
    this.#after = after;
    this.#listener = listener;
    this.#reader = new FrameReader(follower, this);
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#read(length);
          return true;
        },
      },
    });
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => this.#end());
    this.#socket.write(upgradeRequest(host, port, dialect));
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Whether it was ever ready. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  say(text: string, key: string): void {
    this.#socket.write(this.#dialect.message(this.room, text, key));
  }

  /** Stops reading, so that what is sent queues up in the server. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes the socket without a close frame. */
  destroy(): void {
    this.#state = "over";
    this.#socket.destroy();
  }

  received(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    else if (opcode === OPCODE.text) this.#answer(payload.toString());
  }

  #read(length: number): void {
    if (this.#state === "upgrading") this.#readHead(length);
    else this.#reader.read(READ_BUFFER, length);
  }

  #readHead(length: number): void {
    this.#head = Buffer.concat([this.#head, READ_BUFFER.subarray(0, length)]);
    const end = this.#head.indexOf(HEADERS_END);
    if (end < 0) return;
    if (!this.#head.toString("latin1", 0, 12).endsWith(" 101")) {
      this.#socket.destroy();
      return;
    }
    const rest = this.#head.subarray(end + HEADERS_END.length);
    this.#head = Buffer.alloc(0);
    this.#state = "open";
    const opening = this.#dialect.opening(this.room, this.#after);
    if (opening !== undefined) this.#socket.write(opening);
    if (this.#dialect.readyAtOnce) this.#becomeReady(0);
    if (rest.length > 0) this.#reader.read(rest, rest.length);
  }

  #answer(frame: string): void {
    const answer = this.#dialect.answer(frame);
    if (answer === "ready") this.#becomeReady(marksIn(frame));
    else if (answer === "acked") this.#listener.acked(this.#dialect.ackedId(frame));
    else if (answer === "refused") this.#listener.refused();
    else if (answer !== undefined) this.#socket.write(answer);
  }

  #becomeReady(recovered: number): void {
    if (this.#state !== "open") return;
    this.#state = "ready";
    this.#wasReady = true;
    this.#listener.ready(this, recovered);
  }

  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#listener.ended(this, this.#code);
  }
}

function upgradeRequest(host: string, port: number, { path, subprotocol }: Dialect): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
