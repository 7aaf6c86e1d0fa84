import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { Chat } from "../chat/chat.ts";
import type { Codec } from "../chat/connection.ts";
import { countOne } from "../chat/counters.ts";
import type { PlainQuery } from "../chat/session/plain/plain-session.ts";
import { networkOf } from "./client-address.ts";
import { countedCode } from "./close-codes.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import type { Heartbeat } from "./websocket/heartbeat.ts";
import { Intake, type Source } from "./websocket/intake.ts";
import { type CloseReason, SocketConnection } from "./websocket/socket-connection.ts";

/** How long a peer may take to answer a close frame, ms; then its socket is ended. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** How `ws` names a message of too many fragments, and a frame that came in too many pieces. */
const TOO_MANY_PARTS = "WS_ERR_TOO_MANY_BUFFERED_PARTS";

/** Who comes with a new socket. */
export interface Arrival {
  /** The user id of a guest, known or new. */
  readonly guest: string;
  readonly codec: Codec;
  /** What a plain client wants; undefined for v1. */
  readonly query: PlainQuery | undefined;
  readonly address: string;
  readonly requestId: string;
  readonly path: string;
}

/** An open socket and what is kept of it. */
interface OpenConnection extends Source {
  readonly registry: ConnectionRegistry;
  readonly connection: SocketConnection;
  readonly address: string;
  readonly requestId: string;
}

/** Whose socket it is; the listeners below are the same functions for all sockets. */
const SEAT_OF = new WeakMap<WebSocket, OpenConnection>();

/** The open sockets of this process. */
export class ConnectionRegistry {
  readonly #chat: Chat;
  readonly #connectionLimits: ConnectionLimits;
  readonly #heartbeat: Heartbeat;
  readonly #intake: Intake;
  readonly #open = new Set<SocketConnection>();

  constructor(chat: Chat, connectionLimits: ConnectionLimits, heartbeat: Heartbeat) {
    this.#chat = chat;
    this.#intake = new Intake(chat.counters);
    this.#connectionLimits = connectionLimits;
    this.#heartbeat = heartbeat;
  }

  /** Takes a socket that was just opened; must be called in the turn of its upgrade, or frames are missed. */
  take(socket: WebSocket, wire: Duplex, arrival: Arrival): void {
    const { codec, guest, query, address, requestId, path } = arrival;
    const connection = new SocketConnection(socket, wire, codec, networkOf(address), this.#heartbeat);
    this.#connectionLimits.arrive(address);
    this.#heartbeat.add(connection);
    this.#open.add(connection);
    this.#chat.counters.opened += 1;
    const fields = { event: "open", connection: connection.id, requestId, address, path, codec: codec.name };
    this.#chat.logger.info(fields, "socket opened");
    const session =
      query === undefined
        ? this.#chat.connectV1(connection, guest)
        : this.#chat.connectPlain(connection, guest, query);
    SEAT_OF.set(socket, { registry: this, connection, session, address, requestId, inARow: 0 });
    socket.on("message", onMessage);
    socket.on("pong", onPong);
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  /** Ends every socket without waiting for its peer. */
  terminate(): void {
    for (const connection of this.#open) connection.terminate();
  }

  /** Begins the heartbeat. */
  start(): void {
    this.#heartbeat.start();
  }

  /** Ends every timer. */
  stop(): void {
    this.#heartbeat.stop();
    this.#intake.close();
  }

  onData(open: OpenConnection, data: RawData, isBinary: boolean): void {
    const { connection } = open;
    this.#heartbeat.completed(connection);
    // What comes after the close frame is not answered any more, so it must not be carried out.
    if (connection.ending === undefined) this.#intake.take(open, data, isBinary);
  }

  ponged({ connection }: OpenConnection): void {
    this.#heartbeat.alive(connection);
  }

  /** `ws` reports here what broke a socket, and ends that socket itself: a frame too big, bytes that are no frame. */
  failed({ connection, requestId }: OpenConnection, error: Error): void {
    const { message } = error;
    if ("code" in error && error.code === TOO_MANY_PARTS) {
      countOne(this.#chat.counters.limited, "message-parts");
    }
    const fields = { event: "socket-error", connection: connection.id, requestId, err: { message } };
    this.#chat.logger.info(fields, "a socket failed");
  }

  left(open: OpenConnection, peer: CloseReason): void {
    const { connection, session, address, requestId } = open;
    this.#intake.forget(open);
    this.#heartbeat.remove(connection);
    this.#open.delete(connection);
    this.#connectionLimits.depart(address);
    this.#chat.disconnect(session);
    const ms = Math.round(performance.now() - connection.openedAt);
    const { code, reason } = connection.ending ?? peer;
    countOne(this.#chat.counters.closes, countedCode(code));
    const fields = { event: "close", connection: connection.id, requestId, code, reason, ms };
    this.#chat.logger.info(fields, "socket closed");
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const open = SEAT_OF.get(this);
  open?.registry.onData(open, data, isBinary);
}

function onPong(this: WebSocket): void {
  const open = SEAT_OF.get(this);
  open?.registry.ponged(open);
}

function onError(this: WebSocket, error: Error): void {
  const open = SEAT_OF.get(this);
  open?.registry.failed(open, error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const open = SEAT_OF.get(this);
  SEAT_OF.delete(this);
  open?.registry.left(open, { code, reason: reason.toString() });
}
