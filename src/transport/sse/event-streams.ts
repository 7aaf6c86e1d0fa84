import type { ServerResponse } from "node:http";
import type { Chat } from "../../chat/chat.ts";
import type { StreamRequest } from "../../chat/session/stream/stream-subscription.ts";
import { CLOSE } from "../../protocol/codes.ts";
import { networkOf } from "../client-address.ts";
import type { Arrival, ConnectionRegistry, OpenConnection } from "../connection-registry.ts";
import { EventStream } from "./event-stream.ts";

/**
 * How often every stream gets a comment, ms: the platform's router closes connections that are idle for 55 s.
 */
const COMMENT_MS = 15_000;

/** How often the one timer checks all streams, ms. */
const TICK_MS = 1_000;

/** Close reason of a peer that left: a stream has no close frames (RFC 6455, section 7.4.1). */
const ABNORMAL = { code: 1006, reason: "" } as const;

/** The request that opened a stream. */
export interface StreamArrival extends Arrival {
  readonly request: StreamRequest;
}

/** An open stream and what is stored with it. */
interface OpenStream extends OpenConnection {
  readonly streams: EventStreams;
  readonly connection: EventStream;
  /** When the next comment is due, as performance.now() tells it. */
  dueAt: number;
}

/** Open streams by response: all streams share the listeners below, which find theirs here. */
const OPEN = new WeakMap<ServerResponse, OpenStream>();

/** The open event streams of this process. */
export class EventStreams {
  readonly #chat: Chat;
  readonly #registry: ConnectionRegistry;
  /** Emptied by the close of each response. */
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(chat: Chat, registry: ConnectionRegistry) {
    this.#chat = chat;
    this.#registry = registry;
  }

  /** Starts the timer of the comments. */
  start(): void {
    this.#timer = setInterval(this.#tick, TICK_MS).unref();
  }

  /** Ends the timer. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Opens a stream on a response whose head is written. */
  take(response: ServerResponse, arrival: StreamArrival): void {
    const { request, address, requestId } = arrival;
    const connection = new EventStream(response, networkOf(address));
    this.#registry.opened(connection, arrival);
    const session = this.#chat.connectStream(connection, request);
    const dueAt = performance.now() + COMMENT_MS;
    const open: OpenStream = { streams: this, connection, session, address, requestId, dueAt };
    this.#open.add(open);
    OPEN.set(response, open);
    response.on("error", onError);
    response.on("close", onClose);
    // A response whose peer is gone reports that only once, and a response that waits for an earlier one (its
    // request was pipelined) never.
    if (!response.destroyed && response.socket !== null) return;
    connection.close(CLOSE.overloaded, "a stream needs a connection of its own");
    this.onClose(open);
  }

  onClose(open: OpenStream): void {
    this.#open.delete(open);
    this.#registry.closed(open, ABNORMAL);
  }

  readonly #tick = (): void => {
    const now = performance.now();
    for (const open of this.#open) {
      if (open.dueAt > now) continue;
      open.dueAt = now + COMMENT_MS;
      open.connection.comment();
    }
  };
}

/** Always followed by `close`. */
function onError(this: ServerResponse): void {}

function onClose(this: ServerResponse): void {
  const open = OPEN.get(this);
  OPEN.delete(this);
  open?.streams.onClose(open);
}
