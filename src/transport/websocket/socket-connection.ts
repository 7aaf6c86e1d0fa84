import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { type Codec, nextConnectionId } from "../../chat/connection.ts";
import type { CloseReason, RegisteredConnection } from "../connection-registry.ts";
import { progressOf } from "../write-progress.ts";
import { cork, uncork } from "./corked.ts";
import { DirectWrite } from "./direct-write.ts";
import { payloadsOf } from "./text-frame.ts";
import { UnfinishedMessage } from "./unfinished-message.ts";

const AS_TEXT = { binary: false } as const;

/**
 * A WebSocket as a connection of the core. Frames that are shared by many clients are written as they are to
 * the TCP socket that `ws` uses: one buffer, no copy. That is safe because `ws` never leaves a frame
 * half-written: no compression is negotiated here, and `ws` writes its own frames (close, pong) whole and at
 * once. If an extension was negotiated all the same (by a server of the embedding app), the payload of each
 * frame is sent through `ws`.
 */
export class SocketConnection implements RegisteredConnection {
  readonly kind = "socket";
  readonly id = nextConnectionId();
  readonly codec: Codec;
  readonly network: string;
  readonly openedAt = performance.now();
  /**
   * How this side closed it; undefined = it did not. Needed because a peer that does not answer sends no
   * code.
   */
  ending: CloseReason | undefined;
  /** Time of the last write, by the heartbeat's clock. */
  wroteAt: number;
  readonly #socket: WebSocket;
  readonly #wire: Duplex;
  readonly #direct: DirectWrite;
  readonly #unfinished: UnfinishedMessage;
  readonly #clock: { readonly now: number };
  /** Whether an extension changes the bytes on the wire. */
  readonly #extended: boolean;
  #held = false;

  constructor(
    socket: WebSocket,
    wire: Duplex,
    codec: Codec,
    network: string,
    clock: { readonly now: number },
  ) {
    this.#socket = socket;
    this.#wire = wire;
    this.#direct = new DirectWrite(wire);
    this.#unfinished = new UnfinishedMessage(socket);
    this.codec = codec;
    this.network = network;
    this.#clock = clock;
    this.#extended = Boolean(socket.extensions);
    this.wroteAt = clock.now;
  }

  get waiting(): number {
    // Both count what was written to the socket; only `ws` knows what it has not compressed yet.
    return this.#extended ? this.#socket.bufferedAmount : this.#wire.writableLength;
  }

  /** Whether the peer has sent only a part of a message or of a frame. */
  get isMidMessage(): boolean {
    return this.#unfinished.isThere;
  }

  get progress(): number {
    return progressOf(this.#wire);
  }

  write(bytes: Buffer, when: "now" | "soon" | "held" = "now"): void {
    if (bytes.length === 0 || this.#socket.readyState !== WebSocket.OPEN) return;
    this.wroteAt = this.#clock.now;
    if (when === "soon") cork(this.#wire);
    else if (when === "held") this.#hold();
    if (!this.#extended) this.#writeBelow(bytes);
    else for (const payload of payloadsOf(bytes)) this.#socket.send(payload, AS_TEXT, noteFailure);
    // Checked first, because it is false for most of a fan-out.
    if (when === "now" && this.#wire.writableCorked > 0) uncork(this.#wire);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#wire.uncork();
  }

  async drained(below: number): Promise<void> {
    // A stream emits `drain` only after its buffer was full.
    while (this.waiting >= below && this.#wire.writableNeedDrain && !this.#wire.destroyed) {
      await this.#drainOrEnd();
    }
  }

  close(code: number, reason: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.ending = { code, reason };
    this.release();
    uncork(this.#wire);
    // Resumed, or the peer's answer would not be read.
    if (this.#socket.isPaused) this.#socket.resume();
    // ws gives the peer `closeTimeout` to answer, then ends the socket.
    this.#socket.close(code, reason);
  }

  /** Whether the connection is not read now. */
  get isPaused(): boolean {
    return this.#socket.isPaused;
  }

  /** Stops reading: what the peer sends waits on its own machine. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #writeBelow(bytes: Buffer): void {
    const taken = this.#direct.write(bytes);
    if (taken === 0) this.#wire.write(bytes);
    else if (taken < bytes.length) this.#wire.write(bytes.subarray(taken));
  }

  #hold(): void {
    if (!this.#held) this.#wire.cork();
    this.#held = true;
  }

  #drainOrEnd(): Promise<void> {
    const wire = this.#wire;
    return new Promise((resolve) => {
      const settle = (): void => {
        wire.off("drain", settle);
        wire.off("close", settle);
        resolve();
      };
      wire.on("drain", settle);
      wire.on("close", settle);
    });
  }
}

/** Ignores an error of a write: the socket's `close` event follows, and is handled. */
function noteFailure(_error?: Error): void {}
