import type { Chat } from "../chat/chat.ts";
import type { Connection } from "../chat/connection.ts";
import { countOne } from "../chat/counters.ts";
import type { Session } from "../chat/session/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ConnectionLimits } from "./connection-limits.ts";

/** How long a peer may take to read what was written and to answer a close frame, ms; then its connection is ended. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** What a peer, or `ws` for it, ends a socket with (RFC 6455, section 7.4.1). */
const PEER_CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009] as const;

const COUNTED: ReadonlySet<number> = new Set([...Object.values(CLOSE), ...PEER_CODES]);

/** Counts every code that a peer may have made up: so there are few, whatever peers send. */
export const OTHER_CODE = 0;

/** How a connection ended. */
export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

/** A connection that can be counted, logged and ended, whatever it consists of. */
export interface RegisteredConnection extends Connection {
  readonly kind: "socket" | "event stream";
  readonly openedAt: number;
  /** How this side ended it; undefined = it did not. */
  readonly ending: CloseReason | undefined;
  /** Ends it without waiting for its peer. */
  terminate(): void;
}

/** The request that opened a connection. */
export interface Arrival {
  readonly address: string;
  readonly requestId: string;
  /** Without the query, which may hold a token. */
  readonly path: string;
}

/** An open connection, and what its end needs. */
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

  /** Takes a connection in; to be called before it has a session. */
  opened(connection: RegisteredConnection, { address, requestId, path }: Arrival): void {
    const { id, kind, codec } = connection;
    this.#limits.arrive(address);
    this.#open.add(connection);
    this.#chat.counters.opened += 1;
    const fields = { event: "open", connection: id, requestId, address, path, codec: codec.name };
    this.#chat.logger.info(fields, `${kind} opened`);
  }

  /**
   * Takes a connection out, and ends its session. Idempotent.
   * @param peer how the peer ended it; counts where this side did not.
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
