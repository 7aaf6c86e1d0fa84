import { connect, type Socket } from "node:net";
import { clientFrame, frameAt, OPCODE, textFrame } from "../../../bench/generator/frames.ts";
import { SUBPROTOCOL } from "../../../src/protocol/frames.ts";
import { deferred } from "../vitest/wait-for.ts";

const HEADERS_END = "\r\n\r\n";

export interface RawOptions {
  readonly port: number;
  readonly room: string;
  /** False: no subprotocol, and no answers to what it says. Default true. */
  readonly v1?: boolean;
  /** False: reads the close frame and says nothing to it. Default true. */
  readonly answersClose?: boolean;
}

/** A WebSocket client on a bare TCP socket, cheap enough for a thousand of them in one process. */
export class RawClient {
  /** Fulfils when it is in its room. Rejects if the server did not take it. */
  readonly ready: Promise<void>;
  /** Fulfils when its socket is gone, with the code of the close frame, 1006 without one. */
  readonly closed: Promise<number>;
  /** What the server told: after how many ms it will close this connection. */
  reconnectInMs: number | undefined;
  /** Keys of what it said, and of what was acked or refused; both in order. */
  readonly said: string[] = [];
  readonly answered: string[] = [];
  readonly #options: RawOptions;
  readonly #name: string;
  readonly #socket: Socket;
  readonly #ready = deferred<void>();
  readonly #closed = deferred<number>();
  #code = 1006;
  #carried: Buffer = Buffer.alloc(0);
  #upgraded = false;

  constructor(name: string, options: RawOptions) {
    this.#name = name;
    this.#options = options;
    this.ready = this.#ready.promise;
    this.closed = this.#closed.promise;
    this.#socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", this.#read);
    // An error is always followed by close.
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => this.#closed.resolve(this.#code));
    this.#socket.write(this.#upgradeRequest());
  }

  /** Told to go by the server's close frame. */
  get isClosing(): boolean {
    return this.#code !== 1006;
  }

  /** Says something under a key of its own; nothing once the server closed it. */
  say(text: string): void {
    if (this.isClosing || this.#socket.destroyed) return;
    const ref = this.said.length + 1;
    const key = `${this.#name}-${ref}`;
    this.said.push(key);
    this.#send({ type: "message", ref, room: this.#options.room, key, text });
  }

  /** Stops reading, for ever: nothing is answered, and what the server sends piles up there. */
  mute(): void {
    this.#socket.pause();
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #send(frame: object): void {
    this.#socket.write(textFrame(JSON.stringify(frame)));
  }

  readonly #read = (piece: Buffer): void => {
    let bytes = this.#carried.length > 0 ? Buffer.concat([this.#carried, piece]) : piece;
    if (!this.#upgraded) {
      const end = bytes.indexOf(HEADERS_END);
      if (end >= 0) this.#becomeOpen();
      bytes = end < 0 ? bytes : bytes.subarray(end + HEADERS_END.length);
    }
    let at = 0;
    while (this.#upgraded) {
      const frame = frameAt(bytes, at, bytes.length);
      if (frame === undefined) break;
      at = frame.end;
      this.#received(frame.opcode, bytes.subarray(frame.start, frame.end));
    }
    this.#carried = bytes.subarray(at);
  };

  #becomeOpen(): void {
    this.#upgraded = true;
    if (this.#options.v1 === false) {
      this.#ready.resolve();
      return;
    }
    this.#send({ type: "hello", ref: 0 });
    this.#send({ type: "join", ref: 0, room: this.#options.room, limit: 0 });
  }

  #received(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.#receivedClose(payload);
    else if (opcode === OPCODE.text) this.#receivedText(payload.toString());
  }

  #receivedClose(payload: Buffer): void {
    this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    if (this.#options.answersClose !== false) this.#socket.write(clientFrame(OPCODE.close, payload));
  }

  #receivedText(text: string): void {
    // Most of what comes are other people's messages, which are ignored here.
    if (text.startsWith('{"id"') || this.#options.v1 === false) return;
    const frame: { type?: string; ref?: number; reconnectInMs?: number } = JSON.parse(text);
    if (frame.type === "joined") this.#ready.resolve();
    else if (frame.type === "restart") this.reconnectInMs = frame.reconnectInMs;
    else if ((frame.type === "ack" || frame.type === "error") && frame.ref !== undefined) {
      this.answered.push(this.said[frame.ref - 1] ?? "");
    }
  }

  #upgradeRequest(): string {
    const { port, room, v1 = true } = this.#options;
    const lines = [
      `GET /ws?room=${room} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...(v1 ? [`Sec-WebSocket-Protocol: ${SUBPROTOCOL}`] : []),
    ];
    return `${lines.join("\r\n")}${HEADERS_END}`;
  }
}
