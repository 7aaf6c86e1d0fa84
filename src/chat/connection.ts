import { randomBytes } from "node:crypto";
import type { ServerFrame } from "../protocol/frames.ts";
import type { Entry } from "../store/store.ts";

/**
 * Encodes frames for one kind of client. All connections of a kind share one codec: the outbox
 * encodes a message once per codec in a room, however many clients there are.
 * An empty buffer means that this kind of client does not get the frame.
 */
export interface Codec {
  readonly name: string;
  /** Returns the wire bytes of a stored entry. */
  entry(entry: Entry): Buffer;
  /** Returns the wire bytes of a frame that the server made. */
  frame(frame: ServerFrame): Buffer;
  /** Returns the wire bytes of a v1 frame that is JSON text already. */
  json(payload: Buffer): Buffer;
}

/** A client's connection, as the core sees it. Implemented in transport/; its methods never throw. */
export interface Connection {
  /** Unique in this process. */
  readonly id: string;
  readonly codec: Codec;
  /** The key by which limits per address count it: the client's address, for IPv6 the /64 network. */
  readonly network: string;
  /** Bytes that were written and that the operating system has not taken yet. */
  readonly waiting: number;
  /** A number that changes whenever the peer takes some of what waits. */
  readonly progress: number;
  /**
   * Sends wire bytes of `codec`, any number of frames at once, in the order of the calls. Does nothing after
   * a close.
   * @param when `soon`: together with everything else that is written to this connection before the tick of
   * the event loop ends. `held`: nothing is sent before `release`, neither this nor what is written until
   * then.
   */
  write(bytes: Buffer, when?: "now" | "soon" | "held"): void;
  /** Sends what is held; does nothing if nothing is. */
  release(): void;
  /** Fulfils when fewer than `below` bytes wait, or the connection is gone. */
  drained(below: number): Promise<void>;
  /** Sends a close frame; ends the connection if the peer does not answer it in time. */
  close(code: number, reason: string): void;
}

/** A frame for many connections, encoded once per codec. */
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

/**
 * Part of the ids of this process's connections: in log lines and typing events it keeps them apart from
 * those of other processes.
 */
const PROCESS = randomBytes(6).toString("base64url");

let connections = 0;

/** Returns an id that no other connection of any process has. It is no secret. */
export function nextConnectionId(): string {
  connections += 1;
  return `${PROCESS}-${connections.toString(36)}`;
}
