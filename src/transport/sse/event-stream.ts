import type { ServerResponse } from "node:http";
import { nextConnectionId } from "../../chat/connection.ts";
import { CLOSE } from "../../protocol/codes.ts";
import { COMMENT, EVENT_CODEC } from "../codecs/events.ts";
import { CLOSE_TIMEOUT_MS, type CloseReason, type RegisteredConnection } from "../connection-registry.ts";
import { progressOf } from "../write-progress.ts";

/** Time over which the reconnects of a restarting process's readers are spread, ms. */
const RETURN_MS = 1_000;

/** An event stream: an HTTP response without an end, as a connection of the core. */
export class EventStream implements RegisteredConnection {
  readonly kind = "event stream";
  readonly id = nextConnectionId();
  readonly codec = EVENT_CODEC;
  readonly network: string;
  readonly openedAt = performance.now();
  /** How this side closed it; undefined = it did not. */
  ending: CloseReason | undefined;
  readonly #response: ServerResponse;
  #held = false;

  constructor(response: ServerResponse, network: string) {
    this.#response = response;
    this.network = network;
  }

  get waiting(): number {
    return this.#response.writableLength;
  }

  get progress(): number {
    return progressOf(this.#response.socket);
  }

  write(bytes: Buffer, when: "now" | "soon" | "held" = "now"): void {
    if (bytes.length === 0 || this.ending !== undefined || this.#response.destroyed) return;
    if (when === "held" && !this.#held) {
      this.#held = true;
      this.#response.cork();
    }
    this.#response.write(bytes);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#response.uncork();
  }

  async drained(below: number): Promise<void> {
    while (this.waiting >= below && this.#response.writableNeedDrain && !this.#response.destroyed) {
      await this.#drainOrEnd();
    }
  }

  /**
   * Sends the reason in an event `close`, and in `retry` how long to wait before reconnecting; neither to a
   * reader that is too slow, which would not read it.
   */
  close(code: number, reason: string): void {
    if (this.ending !== undefined) return;
    this.release();
    this.ending = { code, reason };
    if (code === CLOSE.tooSlow) {
      this.#response.destroy();
      return;
    }
    const retry = code === CLOSE.restarting ? `retry: ${Math.round(Math.random() * RETURN_MS)}\n` : "";
    this.#response.end(`${retry}event: close\ndata: ${JSON.stringify({ type: "close", code, reason })}\n\n`);
    const impatience = setTimeout(() => this.#response.destroy(), CLOSE_TIMEOUT_MS).unref();
    this.#response.once("close", () => clearTimeout(impatience));
  }

  terminate(): void {
    // What was written in this tick is sent first: it tells the reason.
    setImmediate(() => this.#response.destroy());
  }

  /** Sends a comment, so that no proxy closes the stream as idle. */
  comment(): void {
    this.write(COMMENT);
  }

  #drainOrEnd(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const settle = (): void => {
        response.off("drain", settle);
        response.off("close", settle);
        resolve();
      };
      response.on("drain", settle);
      response.on("close", settle);
    });
  }
}
