import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import type { Logger } from "../../logging/logger.ts";
import { SUBPROTOCOL } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { CLOSE_TIMEOUT_MS } from "../connection-registry.ts";

const SERVER_OPTIONS = {
  noServer: true,
  maxPayload: LIMITS.frameBytes,
  maxFragments: LIMITS.messageFragments,
  // Parts of one incomplete frame: the largest frame is accepted if the network delivers at least 128 bytes
  // at a time.
  maxBufferedChunks: 256,
  // Shared frames are written as they are: nothing may be compressed for one client.
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: (protocols: Set<string>) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
} as const;

/**
 * How long an upgrade may take until it is accepted or its rejection was sent, including the requests before
 * it, ms.
 */
const ANSWER_MS = 10_000;

/** An upgrade that waits for its route to accept or reject it. */
interface PendingUpgrade {
  /** What the client sent after its request. */
  readonly head: Buffer;
  /** Set-Cookie headers of the 101 answer. */
  cookies: readonly string[];
  /** Ends the connection after `ANSWER_MS`. */
  readonly deadline: NodeJS.Timeout;
}

/**
 * The upgrade listeners of all chats: every other listener of the same server belongs to the embedding app.
 */
const OWN_LISTENERS = new WeakSet<object>();

/**
 * Handles the upgrades of an app's HTTP server. Fastify routes each as the GET request that it is; its route
 * opens the socket, or sends an ordinary answer, after which the connection is closed.
 */
export class Upgrades {
  readonly #logger: Logger;
  readonly #server = new WebSocketServer(SERVER_OPTIONS);
  readonly #addresses = new Set<string>();
  readonly #pending = new WeakMap<IncomingMessage, PendingUpgrade>();

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#server.on("headers", (headers, request) => {
      for (const cookie of this.#pending.get(request)?.cookies ?? []) headers.push(`Set-Cookie: ${cookie}`);
    });
  }

  /** Declares that the route with this pattern, which includes the prefixes of its scope, opens sockets. */
  addAddress(pattern: string): void {
    this.#addresses.add(pattern);
  }

  /** Returns whether the route of a request opens sockets. */
  isAddress({ routeOptions }: FastifyRequest): boolean {
    return routeOptions.url !== undefined && this.#addresses.has(routeOptions.url);
  }

  /** Returns whether a request is an upgrade that was neither accepted nor rejected. */
  has({ raw }: FastifyRequest): boolean {
    return this.#pending.has(raw);
  }

  /**
   * Takes the upgrades of the app's server from now on: those of the declared addresses always, all others
   * only where the server has no other listener for them.
   */
  attach(app: FastifyInstance): void {
    const { server } = app;
    const emit = server.emit;
    // Other listeners close upgrades that are not at their addresses: they must not get those at ours.
    server.emit = (event: string | symbol, ...given: unknown[]): boolean => {
      const [request, socket, head] = given;
      const isOurs = event === "upgrade" && this.#addresses.has(pathOf(request));
      if (!isOurs || !isRequest(request) || !(head instanceof Buffer)) {
        return Reflect.apply(emit, server, [event, ...given]);
      }
      if (socket instanceof Duplex) this.#take(app, request, head);
      return true;
    };
    const onUpgrade = (request: IncomingMessage, _socket: Duplex, head: Buffer): void => {
      const listeners = server.listeners("upgrade");
      const isFirst = listeners[0] === onUpgrade;
      if (isFirst && listeners.every((each) => OWN_LISTENERS.has(each))) this.#take(app, request, head);
    };
    OWN_LISTENERS.add(onUpgrade);
    server.on("upgrade", onUpgrade);
  }

  /**
   * Opens the socket of a pending upgrade and passes it to `opened` in the same tick: listeners that are
   * attached there miss no frame. If the handshake is malformed, `ws` answers 400 and `opened` is not called.
   */
  open(
    request: FastifyRequest,
    reply: FastifyReply,
    cookies: readonly string[],
    opened: (socket: WebSocket, wire: Socket) => void,
  ): void {
    const { raw } = request;
    const pending = this.#pending.get(raw);
    if (pending === undefined) throw new Error("not a pending upgrade");
    reply.hijack();
    const { socket } = raw;
    // The response holds the request, Fastify's request and reply, and their logger: 3 KB per socket.
    reply.raw.detachSocket(socket);
    socket.off("error", destroyFailed);
    pending.cookies = cookies;
    this.#server.handleUpgrade(raw, socket, pending.head, (webSocket) => opened(webSocket, socket));
    clearTimeout(pending.deadline);
    this.#pending.delete(raw);
  }

  #take(app: FastifyInstance, request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    // Node has removed its own listener, and no longer handles errors of the connection.
    socket.on("error", destroyFailed);
    const deadline = setTimeout(() => {
      if (socket.destroyed) return;
      this.#logger.info({ event: "upgrade-refused" }, "an upgrade was not answered in time");
      socket.destroy();
    }, ANSWER_MS).unref();
    this.#answer(app, request, { head, cookies: [], deadline });
  }

  #answer(app: FastifyInstance, request: IncomingMessage, pending: PendingUpgrade): void {
    const { socket } = request;
    if (socket.destroyed) return;
    const ahead = responseOn(socket);
    if (ahead !== undefined) {
      // A request that was pipelined before the upgrade is answered first.
      ahead.once("close", () => this.#answer(app, request, pending));
      return;
    }
    if (!asksForWebSocket(request)) {
      clearTimeout(pending.deadline);
      socket.off("error", destroyFailed);
      parseAgain(app.server, request, pending.head);
      return;
    }
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.once("finish", () => socket.destroySoon());
    this.#pending.set(request, pending);
    app.routing(request, response);
  }
}

function isRequest(value: unknown): value is IncomingMessage {
  return typeof value === "object" && value !== null && "rawHeaders" in value && "socket" in value;
}

/** Returns the response that is being sent on a connection; Node has no public name for it. */
function responseOn(socket: Socket): ServerResponse | undefined {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  return response instanceof ServerResponse ? response : undefined;
}

function pathOf(request: unknown): string {
  return isRequest(request) ? (request.url?.split("?")[0] ?? "") : "";
}

/** RFC 6455, section 4.1. A server may ignore every other Upgrade header (RFC 9110, section 7.8). */
function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Makes the server parse a request again without its Upgrade header: some HTTP clients add `Upgrade: h2c` to
 * every request, also those with a body, and Node passes each of them on unparsed. This happens at most once
 * per connection, because it is closed after the answer.
 */
function parseAgain(server: Server, request: IncomingMessage, head: Buffer): void {
  const { socket, rawHeaders } = request;
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  lines.push("Connection: close", "\r\n");
  socket.unshift(Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), head]));
  server.emit(socket instanceof TLSSocket ? "secureConnection" : "connection", socket);
}

function destroyFailed(this: Socket): void {
  this.destroy();
}
