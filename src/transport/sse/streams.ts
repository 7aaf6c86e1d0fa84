import type { ServerResponse } from "node:http";
import type { Chat } from "../../chat/chat.ts";
import { countOne } from "../../chat/counters.ts";
import type { Session } from "../../chat/session/session.ts";
import type { StreamRequest } from "../../chat/session/stream/stream-subscription.ts";
import { CLOSE } from "../../protocol.ts";
import { networkOf } from "../client-address.ts";
import { EventStream } from "./event-stream.ts";

/** How often every stream gets a comment, ms: the platform's router cuts what is silent for 55 s. */
const COMMENT_MS = 15_000;

/** How often the one timer looks at all streams, ms. */
const TICK_MS = 1_000;

/** RFC 6455, section 7.4.1: the peer went away without a word. */
const ABNORMAL = 1006;

/** Counts the connections of this process, of whatever kind, all and by address. */
export interface StreamLimits {
  /** Why one more connection of that address would be too many; undefined = it may come. */
  full(address: string): "process" | "address" | undefined;
  /** Takes one connection from the rate of an address; returns 0, or the ms until the next may come. */
  connect(address: string): number;
  arrive(address: string): void;
  depart(address: string): void;
}

/** Who opens a stream, and from where. */
export interface StreamArrival {
  readonly request: StreamRequest;
  readonly address: string;
  readonly requestId: string;
  readonly path: string;
}

/** An open stream and what is kept of it. */
interface OpenStream {
  readonly streams: EventStreams;
  readonly stream: EventStream;
  readonly session: Session;
  readonly address: string;
  readonly requestId: string;
  /** When the next comment is due. */
  dueAt: number;
}

/** Whose response it is; the listeners below are the same functions for all. */
const STREAM_OF = new WeakMap<ServerResponse, OpenStream>();

/** The open event streams of this process. */
export class EventStreams {
  readonly #chat: Chat;
  readonly #census: StreamLimits;
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(chat: Chat, census: StreamLimits) {
    this.#chat = chat;
    this.#census = census;
  }

  /** Why nobody can come in from that address; undefined = they can. */
  full(address: string): "process" | "address" | undefined {
    return this.#census.full(address);
  }

  /** Takes one stream from the rate of an address; returns 0, or the ms until the next may come. */
  connect(address: string): number {
    return this.#census.connect(address);
  }

  /** Takes a response whose head is written. */
  take(response: ServerResponse, { request, address, requestId, path }: StreamArrival): void {
    const stream = new EventStream(response, networkOf(address));
    this.#census.arrive(address);
    this.#chat.counters.opened += 1;
    const fields = {
      event: "open",
      connection: stream.id,
      requestId,
      address,
      path,
      codec: stream.codec.name,
    };
    this.#chat.logger.info(fields, "event stream opened");
    const session = this.#chat.connectStream(stream, request);
    const dueAt = performance.now() + COMMENT_MS;
    const open: OpenStream = { streams: this, stream, session, address, requestId, dueAt };
    this.#open.add(open);
    STREAM_OF.set(response, open);
    response.on("error", onError);
    response.on("close", onClose);
    // A response whose peer is gone already says so no more; one that waits behind another's (its request was pipelined) never will.
    if (!response.destroyed && response.socket !== null) return;
    stream.close(CLOSE.overloaded, "a stream needs a connection of its own");
    this.left(open);
  }

  left(open: OpenStream): void {
    if (!this.#open.delete(open)) return;
    const { stream, session, address, requestId } = open;
    this.#census.depart(address);
    this.#chat.disconnect(session);
    const ms = Math.round(performance.now() - stream.openedAt);
    const { code, reason } = stream.ending ?? { code: ABNORMAL, reason: "" };
    countOne(this.#chat.counters.closes, code);
    const fields = { event: "close", connection: stream.id, requestId, code, reason, ms };
    this.#chat.logger.info(fields, "event stream closed");
  }

  /** Begins the comments. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Ends the comments. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    for (const open of this.#open) {
      if (open.dueAt > now) continue;
      open.dueAt = now + COMMENT_MS;
      open.stream.comment();
    }
  }
}

/** Always followed by `close`. */
function onError(this: ServerResponse): void {}

function onClose(this: ServerResponse): void {
  const open = STREAM_OF.get(this);
  STREAM_OF.delete(this);
  open?.streams.left(open);
}
