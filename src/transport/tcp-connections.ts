import { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Counters } from "../chat/counters.ts";
import { countOne } from "../chat/counters.ts";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";
import { canonicalAddress, networkOf } from "./client-address.ts";

/** Requests that one connection may have sent without waiting for their answers. */
const PIPELINED = 64;

/** How many TCP connections are accepted; 0 = no limit. */
export interface TcpLimits {
  readonly total: number;
  /** Of one peer address (IPv6: /64 network). Must be 0 where the peer is a proxy. */
  readonly perAddress: number;
}

/** Connections that may be closed for the sake of a new one, the first to be closed first. */
class Spare {
  /** All their requests are answered. */
  readonly idle = new Set<TcpConnection>();
  /** No request of theirs is complete. */
  readonly silent = new Set<TcpConnection>();

  /** Returns the next to be closed; undefined where there is none but `new client`. */
  next(newcomer: TcpConnection): TcpConnection | undefined {
    const [idle] = this.idle;
    if (idle !== undefined) return idle;
    const [silent] = this.silent;
    return silent === newcomer ? undefined : silent;
  }

  remove(connection: TcpConnection): void {
    this.idle.delete(connection);
    this.silent.delete(connection);
  }
}

/** The connections of one network. */
class Peer extends Spare {
  count = 0;
}

interface TcpConnection {
  readonly socket: Socket;
  readonly network: string;
  readonly peer: Peer;
  /** Requests that are not answered; an upgrade that was accepted counts as one for ever. */
  requests: number;
}

/**
 * Counts the TCP connections of an HTTP server and bounds them. Where a limit is met, a connection that is idle between two requests is
 * closed for the new one, else the oldest that has not sent a request; where there is neither, the new one is closed.
 */
export class TcpConnections {
  readonly #limits: TcpLimits;
  readonly #limited: Counters["limited"];
  readonly #throttled: ThrottledLogger;
  readonly #open = new Map<Socket, TcpConnection>();
  /** By network; a network without connections is removed. */
  readonly #peers = new Map<string, Peer>();
  readonly #spare = new Spare();

  constructor(limits: TcpLimits, { limited }: Pick<Counters, "limited">, logger: Logger) {
    this.#limits = limits;
    this.#limited = limited;
    this.#throttled = new ThrottledLogger(logger);
  }

  /** Open connections. */
  get count(): number {
    return this.#open.size;
  }

  /** Watches the app's server from now on. A connection that cannot be accepted is logged and harms nobody. */
  attach(app: FastifyInstance): void {
    const { server } = app;
    server.on("connection", (socket: Socket) => this.add(socket));
    server.on("error", (error: NodeJS.ErrnoException) => {
      // Before that it is the start that fails, which is said elsewhere.
      if (!server.listening) return;
      const fields = { event: "accept-failed", code: error.code };
      this.#throttled.log("error", "a connection cannot be accepted", fields);
    });
    server.on("clientError", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ERR_HTTP_REQUEST_TIMEOUT") countOne(this.#limited, "request-time");
    });
    app.addHook("onRequest", this.#onRequest);
  }

  /** Counts a connection that was opened, and closes one where there are too many. */
  add(socket: Socket): void {
    // A request that is parsed a second time comes on a connection that is known.
    if (this.#open.has(socket) || socket.destroyed) return;
    const network = networkOf(canonicalAddress(socket.remoteAddress) ?? "unknown");
    const peer = this.#peers.get(network) ?? new Peer();
    const connection: TcpConnection = { socket, network, peer, requests: 0 };
    this.#peers.set(network, peer);
    peer.count += 1;
    this.#open.set(socket, connection);
    this.#spare.silent.add(connection);
    peer.silent.add(connection);
    socket.once("close", () => this.#remove(connection));
    this.#makeRoom(connection);
  }

  /** Notes that a connection has sent a request; it is not closed for another one before that request is answered. */
  begin(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    if (connection.requests === 1) this.#unspare(connection);
    if (connection.requests <= PIPELINED) return;
    countOne(this.#limited, "pipelined-requests");
    this.#remove(connection);
    socket.destroy();
  }

  /** Notes that a request of a connection is answered. */
  end(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests -= 1;
    if (connection.requests > 0) return;
    this.#spare.idle.add(connection);
    connection.peer.idle.add(connection);
  }

  readonly #onRequest = ({ raw }: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { socket } = raw;
    if (socket instanceof Socket) {
      this.begin(socket);
      // Requests that were parsed before their connection was destroyed still come here.
      if (socket.destroyed) return;
      reply.raw.once("close", () => this.end(socket));
    }
    done();
  };

  #makeRoom(newcomer: TcpConnection): void {
    const { total, perAddress } = this.#limits;
    if (perAddress > 0 && newcomer.peer.count > perAddress) {
      countOne(this.#limited, "address-tcp");
      this.#close(newcomer.peer.next(newcomer) ?? newcomer, "one address is at its limit of TCP connections");
    } else if (total > 0 && this.#open.size > total) {
      countOne(this.#limited, "tcp");
      this.#close(this.#spare.next(newcomer) ?? newcomer, "the process is at its limit of TCP connections");
    }
  }

  #close(connection: TcpConnection, sentence: string): void {
    const { network } = connection;
    this.#throttled.log("warn", sentence, { event: "tcp-limit", network, open: this.#open.size });
    // Its `close` comes later, and the next connection is counted before.
    this.#remove(connection);
    connection.socket.destroy();
  }

  #remove(connection: TcpConnection): void {
    if (!this.#open.delete(connection.socket)) return;
    this.#unspare(connection);
    connection.peer.count -= 1;
    if (connection.peer.count === 0) this.#peers.delete(connection.network);
  }

  #unspare(connection: TcpConnection): void {
    this.#spare.remove(connection);
    connection.peer.remove(connection);
  }
}
