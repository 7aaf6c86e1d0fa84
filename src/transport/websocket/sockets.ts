import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { Chat } from "../../chat/chat.ts";
import type { Codec } from "../../chat/connection.ts";
import { countOne } from "../../chat/counters.ts";
import type { Identity } from "../../chat/identity.ts";
import type { PlainQuery } from "../../chat/session/plain/plain-session.ts";
import { networkOf } from "../client-address.ts";
import type { Arrival, CloseReason, ConnectionRegistry, OpenConnection } from "../connection-registry.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Intake, type Source } from "./intake.ts";
import { SocketConnection } from "./socket-connection.ts";

/** Error code of `ws` for a message with too many fragments, and for a frame that came in too many pieces. */
const TOO_MANY_PARTS = "WS_ERR_TOO_MANY_BUFFERED_PARTS";

/** The request that opened a socket. */
export interface SocketArrival extends Arrival {
  /** The user id of the guest, known or new. */
  readonly guest: string;
  /** The user of the embedding app's own session; undefined = none. */
  readonly appUser: Identity | undefined;
  readonly codec: Codec;
  /** The query string of a plain client; undefined for v1. */
  readonly query: PlainQuery | undefined;
}

/** An open socket and what is stored with it. */
interface OpenSocket extends OpenConnection, Source {
  readonly sockets: Sockets;
  readonly connection: SocketConnection;
  readonly session: Source["session"];
}

/** Open sockets by WebSocket: all sockets share the listeners below, which find theirs here. */
const OPEN = new WeakMap<WebSocket, OpenSocket>();

/** The open sockets of this process; passes what they receive to their sessions. */
export class Sockets {
  readonly #chat: Chat;
  readonly #registry: ConnectionRegistry;
  readonly #heartbeat: Heartbeat;
  readonly #intake: Intake;

  constructor(chat: Chat, registry: ConnectionRegistry, pingSeconds: number) {
    this.#chat = chat;
    this.#registry = registry;
    this.#heartbeat = new Heartbeat(pingSeconds, chat.counters);
    this.#intake = new Intake(chat.counters);
  }

  /** Starts the heartbeat. */
  start(): void {
    this.#heartbeat.start();
  }

  /** Ends every timer. */
  stop(): void {
    this.#heartbeat.stop();
    this.#intake.stop();
  }

  /** Adds a socket that was just opened. Must be called in the tick of its upgrade, or frames are missed. */
  take(socket: WebSocket, wire: Duplex, arrival: SocketArrival): void {
    const { codec, guest, appUser, query, address, requestId } = arrival;
    const connection = new SocketConnection(socket, wire, codec, networkOf(address), this.#heartbeat);
    this.#heartbeat.add(connection);
    this.#registry.opened(connection, arrival);
    const session =
      query === undefined
        ? this.#chat.connectV1(connection, guest, appUser)
        : this.#chat.connectPlain(connection, guest, query, appUser);
    OPEN.set(socket, { sockets: this, connection, session, address, requestId, inARow: 0 });
    socket.on("message", onMessage);
    socket.on("pong", onPong);
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  onData(open: OpenSocket, data: RawData, isBinary: boolean): void {
    const { connection } = open;
    this.#heartbeat.completed(connection);
    // What arrives after the close frame is not answered any more, so it must not be handled.
    if (connection.ending === undefined) this.#intake.take(open, data, isBinary);
  }

  onPong({ connection }: OpenSocket): void {
    this.#heartbeat.alive(connection);
  }

  /**
   * Logs the error of a socket, such as a frame that is too big, or bytes that are no frame; `ws` ends that
   * socket itself.
   */
  onError({ connection, requestId }: OpenSocket, error: Error): void {
    const { message } = error;
    if ("code" in error && error.code === TOO_MANY_PARTS) {
      countOne(this.#chat.counters.limited, "message-parts");
    }
    const fields = { event: "socket-error", connection: connection.id, requestId, err: { message } };
    this.#chat.logger.info(fields, "a socket failed");
  }

  onClose(open: OpenSocket, peer: CloseReason): void {
    this.#intake.forget(open);
    this.#heartbeat.remove(open.connection);
    this.#registry.closed(open, peer);
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const open = OPEN.get(this);
  open?.sockets.onData(open, data, isBinary);
}

function onPong(this: WebSocket): void {
  const open = OPEN.get(this);
  open?.sockets.onPong(open);
}

function onError(this: WebSocket, error: Error): void {
  const open = OPEN.get(this);
  open?.sockets.onError(open, error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const open = OPEN.get(this);
  OPEN.delete(this);
  open?.sockets.onClose(open, { code, reason: reason.toString() });
}
