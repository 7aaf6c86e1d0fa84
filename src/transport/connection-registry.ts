import type { Chat } from "../chat/chat.ts";
import type { Connection } from "../chat/connection.ts";
import { countOne } from "../chat/counters.ts";
import type { Session } from "../chat/session/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ConnectionLimits } from "./connection-limits.ts";

/**
 * How long a peer may take to read what was written and to answer a close frame, ms; then its connection is
 * terminated.
 */
export const CLOSE_TIMEOUT_MS = 5_000;

/** Close codes that a peer, or `ws` for it, ends a socket with (RFC 6455, section 7.4.1). */
const PEER_CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009] as const;

const COUNTED: ReadonlySet<number> = new Set([...Object.values(CLOSE), ...PEER_CODES]);

/** Counts all other codes, so that peers cannot create any number of them. */
export const OTHER_CODE = 0;

/** How a connection ended. */
export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

/** A connection of any kind that can be counted, logged and terminated. */
export interface RegisteredConnection extends Connection {
  readonly kind: "socket" | "event stream";
  readonly openedAt: number;
  /** How this side closed it; undefined = it did not. */
  readonly ending: CloseReason | undefined;
  /** Ends the connection without waiting for its peer. */
  terminate(): void;
}

/** The request that opened a connection. */
export interface Arrival {
  readonly address: string;
  readonly requestId: string;
  /** Without the query, which may hold a token. */
  readonly path: string;
}

/** An open connection, with what is needed when it closes. */
export interface OpenConnection {
  readonly connection: RegisteredConnection;
  readonly session: Session;
  readonly address: string;
  readonly requestId: string;
}

/** The open connections of this process. Counts and logs each when it opens and when it closes. */
export class ConnectionRegistry {
  readonly #chat: Chat;
  readonly #limits: ConnectionLimits;
  /** Emptied by `closed`, which the close of each connection calls. */
  readonly #open = new Set<RegisteredConnection>();

  constructor(chat: Chat, limits: ConnectionLimits) {
    this.#chat = chat;
    this.#limits = limits;
  }

  /** Adds a connection. To be called before it has a session. */
  opened(connection: RegisteredConnection, { address, requestId, path }: Arrival): void {
    const { id, kind, codec } = connection;
    this.#limits.arrive(address);
    this.#open.add(connection);
    this.#chat.counters.opened += 1;
    const fields = { event: "open", connection: id, requestId, address, path, codec: codec.name };
    this.#chat.logger.info(fields, `${kind} opened`);
  }

  /**
   * Removes a connection, and ends its session. Idempotent.
   * @param peer how the peer closed it; counts only if this side did not close it.
   */
  closed({ connection, session, address, requestId }: OpenConnection, peer: CloseReason): void {
    if (!this.#open.delete(connection)) return;
    this.#limits.depart(address);
    this.#chat.disconnect(session);
    const { id, kind, openedAt, ending } = connection;
    const { code, reason } = ending ?? peer;
    countOne(this.#chat.counters.closes, COUNTED.has(code) ? code : OTHER_CODE);
    const ms = Math.round(performance.now() - openedAt);
    const fields = { event: "close", connection: id, requestId, code, reason, ms };
    this.#chat.logger.info(fields, `${kind} closed`);
  }

  /** Ends every connection without waiting for its peer. */
  terminate(): void {
    for (const connection of this.#open) connection.terminate();
  }
}
