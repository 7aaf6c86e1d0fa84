import type { Socket } from "node:net";
import { clientFrame, frameAt, OPCODE } from "../../../bench/generator/frames.ts";

const HEADERS_END = "\r\n\r\n";

/** Waiting bytes above which a flood waits for the kernel to take them. */
const WATERLINE = 64 * 1024;

export interface Upgrade {
  readonly port: number;
  /** `ATTACKER_ADDRESS` if absent. */
  readonly localAddress?: string;
  /** `/ws` if absent. */
  readonly path?: string;
  /** `dynochat.v1` if absent; empty: none. */
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each text frame; frames are dropped unread if absent. */
  readonly onText?: (text: string) => void;
}

/** Returns the bytes of a text frame, of JSON unless it is text already. */
export function textFrame(frame: object | string): Buffer {
  const text = typeof frame === "string" ? frame : JSON.stringify(frame);
  return clientFrame(OPCODE.text, Buffer.from(text));
}

/** A WebSocket client on a bare TCP socket: it keeps to no rule that it is not told to keep. */
export class WireSocket {
  readonly socket: Socket;
  /** Fulfils with the status of the answer; 0 if the connection ended before. */
  readonly answered: Promise<number>;
  /** The code of the server's close frame; undefined before it. */
  closeCode: number | undefined;
  readonly #onText: ((text: string) => void) | undefined;
  #carried: Buffer = Buffer.alloc(0);
  #status: number | undefined;
  #settle: (status: number) => void = () => undefined;

  constructor(socket: Socket, { port, path = "/ws", protocol = "dynochat.v1", headers, onText }: Upgrade) {
    this.socket = socket;
    this.#onText = onText;
    this.answered = new Promise((resolve) => {
      this.#settle = resolve;
    });
    socket.on("data", this.#read);
    socket.on("close", () => this.#settle(0));
    const lines = [
      `GET ${path} HTTP/1.1`,
      ...(headers?.["Host"] === undefined ? [`Host: 127.0.0.1:${port}`] : []),
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...(protocol === "" ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
      ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join("\r\n")}${HEADERS_END}`);
  }

  get isOpen(): boolean {
    return this.#status === 101 && !this.socket.destroyed && this.closeCode === undefined;
  }

  /** Sends a text frame, of JSON unless it is text already. */
  send(frame: object | string): void {
    this.socket.write(textFrame(frame));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Fulfils when the kernel has taken what was written, or the connection has ended. */
  async drained(): Promise<void> {
    if (this.socket.destroyed || this.socket.writableLength < WATERLINE) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.once("drain", done).once("close", done);
    });
  }

  /** Stops reading, for ever. */
  mute(): void {
    this.socket.pause();
  }

  destroy(): void {
    this.socket.destroy();
  }

  readonly #read = (piece: Buffer): void => {
    let bytes = this.#carried.length > 0 ? Buffer.concat([this.#carried, piece]) : piece;
    if (this.#status === undefined) {
      const end = bytes.indexOf(HEADERS_END);
      if (end < 0) {
        this.#carried = bytes;
        return;
      }
      this.#status = Number(/^HTTP\/1\.1 (\d{3})/.exec(bytes.toString("latin1", 0, 16))?.[1] ?? 0);
      this.#settle(this.#status);
      bytes = bytes.subarray(end + HEADERS_END.length);
    }
    if (this.#status !== 101) {
      this.#carried = Buffer.alloc(0);
      return;
    }
    let at = 0;
    for (let frame = frameAt(bytes, at, bytes.length); frame !== undefined; ) {
      this.#received(frame.opcode, bytes.subarray(frame.start, frame.end));
      at = frame.end;
      frame = frameAt(bytes, at, bytes.length);
    }
    this.#carried = bytes.subarray(at);
  };

  #received(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.socket.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.text) this.#onText?.(payload.toString());
    else if (opcode === OPCODE.close) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.socket.end();
    }
  }
}
