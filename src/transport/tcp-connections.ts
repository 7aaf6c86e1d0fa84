import { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Counters } from "../chat/counters.ts";
import { countOne } from "../chat/counters.ts";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";
import { canonicalAddress, networkOf } from "./client-address.ts";

/** Requests that one connection may send without waiting for their answers. */
const PIPELINED = 64;

/** How many TCP connections are accepted; 0 = no limit. */
export interface TcpLimits {
  readonly total: number;
  /** Per peer address (IPv6: per /64 network). Must be 0 if the peer is a proxy. */
  readonly perAddress: number;
}

/** Connections that may be closed to accept a new one, in the order in which they are closed. */
class Replaceable {
  /** Connections whose requests are all answered. */
  readonly idle = new Set<TcpConnection>();
  /** Connections that have not sent a complete request. */
  readonly silent = new Set<TcpConnection>();

  /** Returns the next connection to be closed, other than `newConnection`; undefined if there is none. */
  next(newConnection: TcpConnection): TcpConnection | undefined {
    const [idle] = this.idle;
    if (idle !== undefined) return idle;
    const [silent] = this.silent;
    return silent === newConnection ? undefined : silent;
  }

  remove(connection: TcpConnection): void {
    this.idle.delete(connection);
    this.silent.delete(connection);
  }
}

/** The connections of one network. */
class Peer extends Replaceable {
  count = 0;
}

interface TcpConnection {
  readonly socket: Socket;
  readonly network: string;
  readonly peer: Peer;
  /** Number of requests that are not answered; an accepted upgrade is never answered. */
  requests: number;
}

/**
 * Counts the TCP connections of an HTTP server and limits them. If a limit is exceeded, closes a connection
 * that is idle between two requests, else the oldest that has not sent a request, else the new connection.
 */
export class TcpConnections {
  readonly #limits: TcpLimits;
  readonly #limited: Counters["limited"];
  readonly #throttled: ThrottledLogger;
  readonly #open = new Map<Socket, TcpConnection>();
  /** By network; a network without connections is removed. */
  readonly #peers = new Map<string, Peer>();
  readonly #replaceable = new Replaceable();

  constructor(limits: TcpLimits, { limited }: Pick<Counters, "limited">, logger: Logger) {
    this.#limits = limits;
    this.#limited = limited;
    this.#throttled = new ThrottledLogger(logger);
  }

  /** Number of open connections. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Counts the connections of the app's server from now on. A connection that cannot be accepted is logged
   * and does not end the process.
   */
  attach(app: FastifyInstance): void {
    const { server } = app;
    server.on("connection", (socket: Socket) => this.add(socket));
    server.on("error", (error: NodeJS.ErrnoException) => {
      // Before that the start fails, which is reported elsewhere.
      if (!server.listening) return;
      const fields = { event: "accept-failed", code: error.code };
      this.#throttled.log("error", "a connection cannot be accepted", fields);
    });
    server.on("clientError", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ERR_HTTP_REQUEST_TIMEOUT") countOne(this.#limited, "request-time");
    });
    app.addHook("onRequest", this.#onRequest);
  }

  /** Counts a connection that was opened, and closes one if there are too many. */
  add(socket: Socket): void {
    // A request that is parsed a second time arrives on a known connection.
    if (this.#open.has(socket) || socket.destroyed) return;
    const network = networkOf(canonicalAddress(socket.remoteAddress) ?? "unknown");
    const peer = this.#peers.get(network) ?? new Peer();
    const connection: TcpConnection = { socket, network, peer, requests: 0 };
    this.#peers.set(network, peer);
    peer.count += 1;
    this.#open.set(socket, connection);
    this.#replaceable.silent.add(connection);
    peer.silent.add(connection);
    socket.once("close", () => this.#remove(connection));
    this.#enforceLimits(connection);
  }

  /**
   * Notes that a connection has sent a request; it is not closed for a new one before that request is
   * answered.
   */
  begin(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    if (connection.requests === 1) this.#keep(connection);
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
    this.#replaceable.idle.add(connection);
    connection.peer.idle.add(connection);
  }

  readonly #onRequest = ({ raw }: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { socket } = raw;
    if (socket instanceof Socket) {
      this.begin(socket);
      // Requests that were parsed before their connection was destroyed still arrive here.
      if (socket.destroyed) return;
      reply.raw.once("close", () => this.end(socket));
    }
    done();
  };

  #enforceLimits(newConnection: TcpConnection): void {
    const { total, perAddress } = this.#limits;
    if (perAddress > 0 && newConnection.peer.count > perAddress) {
      countOne(this.#limited, "address-tcp");
      this.#close(
        newConnection.peer.next(newConnection) ?? newConnection,
        "one address is at its limit of TCP connections",
      );
    } else if (total > 0 && this.#open.size > total) {
      countOne(this.#limited, "tcp");
      this.#close(
        this.#replaceable.next(newConnection) ?? newConnection,
        "the process is at its limit of TCP connections",
      );
    }
  }

  #close(connection: TcpConnection, sentence: string): void {
    const { network } = connection;
    this.#throttled.log("warn", sentence, { event: "tcp-limit", network, open: this.#open.size });
    // Its `close` event comes later; the next connection is counted before that.
    this.#remove(connection);
    connection.socket.destroy();
  }

  #remove(connection: TcpConnection): void {
    if (!this.#open.delete(connection.socket)) return;
    this.#keep(connection);
    connection.peer.count -= 1;
    if (connection.peer.count === 0) this.#peers.delete(connection.network);
  }

  #keep(connection: TcpConnection): void {
    this.#replaceable.remove(connection);
    connection.peer.remove(connection);
  }
}
