import { randomBytes } from "node:crypto";
import type { ServerFrame } from "../protocol/frames.ts";
import type { Entry } from "../store/store.ts";

/**
 * How frames look to one kind of client. One object a kind, shared by all its connections: the outbox
 * encodes a message once for each codec in a room, however many clients there are.
 * An empty buffer means that this kind of client has no such frame.
 */
export interface Codec {
  readonly name: string;
  /** The wire bytes of one stored entry. */
  entry(entry: Entry): Buffer;
  /** The wire bytes of a frame of the server's own. */
  frame(frame: ServerFrame): Buffer;
  /** The wire bytes of a v1 frame that is JSON text already. */
  json(payload: Buffer): Buffer;
}

/** What the core knows of a client's socket. Implemented at the edge; never throws. */
export interface Connection {
  /** Unique in this process. */
  readonly id: string;
  readonly codec: Codec;
  /** What limits per address count it by: its peer's address, of IPv6 the /64 network. */
  readonly network: string;
  /** Bytes written and not yet taken by the operating system. */
  readonly waiting: number;
  /** Changes whenever the peer takes some of what waits. */
  readonly progress: number;
  /**
   * Sends wire bytes of `codec`, any number of frames at once, in the order of the calls. `soon`: together with
   * whatever else goes to this connection before the tick of the event loop ends. `held`: nothing leaves before
   * `release`, whatever is written until then. After a close: nothing.
   */
  write(bytes: Buffer, when?: "now" | "soon" | "held"): void;
  /** Lets go what is held; nothing where nothing is. */
  release(): void;
  /** Fulfils when less than `below` bytes wait, or the connection is gone. */
  drained(below: number): Promise<void>;
  /** Sends a close frame; the connection is given up if the peer does not answer it. */
  close(code: number, reason: string): void;
}

/** A frame for many connections, encoded once a codec. */
export class SharedFrame {
  readonly #frame: ServerFrame;
  readonly #bytes = new Map<Codec, Buffer>();

  constructor(frame: ServerFrame) {
    this.#frame = frame;
  }

  writeTo(connection: Connection): void {
    const bytes = this.#bytes.get(connection.codec) ?? this.#encode(connection.codec);
    if (bytes.length > 0) connection.write(bytes);
  }

  #encode(codec: Codec): Buffer {
    const bytes = codec.frame(this.#frame);
    this.#bytes.set(codec, bytes);
    return bytes;
  }
}

/** Tells this process's connections from those of others, in log lines and typing hints. */
const PROCESS = randomBytes(6).toString("base64url");

let connections = 0;

/** An id that no other connection of any process has; no secret. */
export function nextConnectionId(): string {
  connections += 1;
  return `${PROCESS}-${connections.toString(36)}`;
}
