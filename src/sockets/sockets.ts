import type { IncomingMessage, ServerResponse } from "node:http";
import fastifyWebsocket from "@fastify/websocket";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import type { WebSocket } from "ws";
import type { Chat } from "../chat/chat.ts";
import type { Codec } from "../chat/connection.ts";
import { countOne } from "../chat/counters.ts";
import { success } from "../chat/result.ts";
import { guestCookie, guestOf } from "../http/guest-cookie.ts";
import { CLOSE, LIMITS, SUBPROTOCOL } from "../protocol.ts";
import { Census } from "./census.ts";
import { HANDLE_CODEC, PLAIN_CODEC, USERNAME_CODEC } from "./codecs/plain-codec.ts";
import { V1_CODEC } from "./codecs/v1-codec.ts";
import { Drain } from "./drain.ts";
import { Heartbeat } from "./heartbeat.ts";
import { endPipelinedUpgrades } from "./pipelined-upgrades.ts";
import { type Arrival, CLOSE_TIMEOUT_MS, Seats } from "./seats.ts";
import { asksForV1, type Rejection, reject, rejection, type UpgradeRules } from "./upgrade-checks.ts";
import { readVisit } from "./visit.ts";

export interface SocketOptions {
  readonly allowedOrigins: "*" | readonly string[] | undefined;
  /** Per process and per address; 0 = no limit. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly pingSeconds: number;
  readonly defaultRoom: string;
  readonly shutdownSeconds: number;
}

/** Of ws's server. */
const SERVER_OPTIONS = {
  maxPayload: LIMITS.frameBytes,
  // Shared frames are written as they are: nothing may be compressed for one client.
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: (protocols: Set<string>) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
} as const;

/** An upgrade that was let through, until its socket is there. */
interface Admission extends Pick<Arrival, "guest" | "codec" | "visit"> {
  /** For the answer's headers. */
  readonly cookie: string | undefined;
  /** What Node would have answered a plain request with. */
  readonly response: ServerResponse;
}

/** The WebSocket edge: opens sockets for those who may, and carries frames between them and the chat. */
export class Sockets {
  readonly drain: Drain;
  readonly #chat: Chat;
  readonly #options: SocketOptions;
  /** Of all connections of this process, event streams too. */
  readonly census: Census;
  readonly #seats: Seats;
  readonly #rules: UpgradeRules;
  readonly #admissions = new WeakMap<IncomingMessage, Admission>();

  constructor(chat: Chat, options: SocketOptions, overload: UpgradeRules["overload"]) {
    this.#chat = chat;
    this.#options = options;
    this.census = new Census(options.maxConnections, options.maxConnectionsPerAddress);
    this.#seats = new Seats(chat, this.census, new Heartbeat(options.pingSeconds));
    this.drain = new Drain(chat, this.#seats, options.shutdownSeconds);
    const { allowedOrigins } = options;
    this.#rules = { allowedOrigins, census: this.census, draining: () => this.drain.begun, overload };
  }

  get count(): number {
    return this.census.count;
  }

  /**
   * Makes the app's server take upgrades. To be called on the app itself: also an upgrade to an address without
   * a socket must be answered and its connection ended.
   */
  async takeUpgrades(app: FastifyInstance): Promise<void> {
    endPipelinedUpgrades(app.server, this.#chat.logger);
    await app.register(fastifyWebsocket, {
      options: SERVER_OPTIONS,
      // Sockets end by `drain`; the plugin's own way closes them without a code and waits for each.
      preClose: (done) => done(),
      errorHandler: socketFailed,
    });
    app.websocketServer.on("headers", this.#addCookie);
  }

  /** Registers `/ws` and `/websocket`. */
  route(app: FastifyInstance): void {
    this.#route(app, "/ws", PLAIN_CODEC, upgradeRequired);
    this.#route(app, "/websocket", USERNAME_CODEC, upgradeRequired);
  }

  /** Registers the socket of `/`, whose plain GET `page` answers. */
  routeBesidePage(app: FastifyInstance, page: RouteHandlerMethod): void {
    this.#route(app, "/", HANDLE_CODEC, page);
  }

  /** Ends every timer. */
  close(): void {
    this.#seats.close();
  }

  #route(app: FastifyInstance, url: string, codec: Codec, handler: RouteHandlerMethod): void {
    const spoken = url === "/ws" ? V1_CODEC : undefined;
    app.route({
      method: "GET",
      url,
      handler,
      wsHandler: (socket, request) => this.#opened(socket, request),
      preValidation: async (request, reply) => {
        if (request.ws) return this.#admit(request, reply, codec, spoken);
        return undefined;
      },
    });
  }

  /** Decides about an upgrade; an answer sent here is the end of it. */
  #admit(
    request: FastifyRequest,
    reply: FastifyReply,
    plain: Codec,
    v1: Codec | undefined,
  ): FastifyReply | undefined {
    const rejected = rejection(request, this.#rules);
    if (rejected !== undefined) return this.#reject(reply, rejected);
    const isV1 = v1 !== undefined && asksForV1(request);
    if (!isV1 && asksForV1(request)) {
      return this.#reject(reply, { status: 400, sentence: `${SUBPROTOCOL} is spoken on /ws.` });
    }
    const visit = isV1 ? success(undefined) : readVisit(request, this.#options.defaultRoom);
    if (!visit.ok) return this.#reject(reply, { status: 400, sentence: visit.error.message });
    if (!isV1 && this.#chat.siteTokens?.required === true) {
      return this.#reject(reply, {
        status: 401,
        sentence: "This chat needs a token of its site, and plain sockets have none.",
      });
    }
    const { guests } = this.#chat;
    const guest = guestOf(request.raw, guests) ?? guests.create();
    const cookie = guestCookie(guest, guests, request.protocol === "https");
    this.#admissions.set(request.raw, {
      guest,
      cookie,
      codec: isV1 ? v1 : plain,
      visit: visit.value,
      response: reply.raw,
    });
    return undefined;
  }

  #reject(reply: FastifyReply, rejection: Rejection): FastifyReply {
    countOne(this.#chat.counters.refusedUpgrades, rejection.status);
    return reject(reply, rejection);
  }

  readonly #addCookie = (headers: string[], request: IncomingMessage): void => {
    const cookie = this.#admissions.get(request)?.cookie;
    if (cookie !== undefined) headers.push(`Set-Cookie: ${cookie}`);
  };

  #opened(socket: WebSocket, request: FastifyRequest): void {
    const admission = this.#admissions.get(request.raw);
    if (admission === undefined) {
      socket.terminate();
      return;
    }
    this.#admissions.delete(request.raw);
    // Let through just before the drain began, which has told everybody by now.
    if (this.drain.begun) {
      socket.close(CLOSE.restarting, "the server is restarting");
      return;
    }
    const { ip, id, url } = request;
    const wire = request.raw.socket;
    // Only what is needed is kept. Request, reply and their logger would be: the response holds them, the socket
    // holds the response, and so does the plugin's own listener; 3 KB a socket.
    admission.response.detachSocket(wire);
    socket.removeAllListeners("error");
    const { guest, codec, visit } = admission;
    this.#seats.take(socket, wire, { guest, codec, visit, address: ip, requestId: id, path: url });
  }
}

/** A socket that failed before its seat was taken; later ones are the seats'. */
function socketFailed(error: Error, socket: WebSocket, request: FastifyRequest): void {
  request.log.info({ event: "socket-error", err: { message: error.message } }, "a socket failed");
  socket.terminate();
}

function upgradeRequired(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(426)
    .header("Upgrade", "websocket")
    .type("text/plain; charset=utf-8")
    .send("This address is for WebSockets; open / for the chat page.\n");
}
