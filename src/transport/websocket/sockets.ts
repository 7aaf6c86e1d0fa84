import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import type { Codec } from "../../chat/connection.ts";
import { countOne } from "../../chat/counters.ts";
import { success } from "../../chat/result.ts";
import { SUBPROTOCOL } from "../../protocol.ts";
import type { Capacity } from "../capacity.ts";
import { HANDLE_CODEC, PLAIN_CODEC, USERNAME_CODEC } from "../codecs/plain.ts";
import { V1_CODEC } from "../codecs/v1.ts";
import { ConnectionLimits } from "../connection-limits.ts";
import { ConnectionRegistry } from "../connection-registry.ts";
import { guestCookies, guestOf } from "../cookies/guest-cookie.ts";
import { Drain } from "../drain.ts";
import { isSecure } from "../origin.ts";
import { Heartbeat } from "./heartbeat.ts";
import { readPlainQuery } from "./plain-query.ts";
import {
  asksForV1,
  type GateRules,
  hostRejection,
  originRejection,
  type Rejection,
  reject,
  rejection,
} from "./upgrade-checks.ts";
import { Upgrades } from "./upgrades.ts";

export interface SocketOptions {
  readonly capacity: Capacity;
  /** Sockets and event streams per address; 0 = no limit. */
  readonly connectsPerSecondPerAddress: number;
  readonly pingSeconds: number;
  readonly defaultRoom: string;
  readonly shutdownSeconds: number;
}

/** Characters of an unknown address that are repeated in an answer. */
const PATH_SHOWN = 100;

/** How often addresses that opened no connection lately are forgotten, ms. */
const SWEEP_MS = 5_000;

/** The WebSocket edge: opens sockets for those who may, and carries frames between them and the chat. */
export class Sockets {
  readonly drain: Drain;
  readonly #chat: Chat;
  readonly #options: SocketOptions;
  readonly capacity: Capacity;
  /** Of all connections of this process, event streams too. */
  readonly connectionLimits: ConnectionLimits;
  readonly #registry: ConnectionRegistry;
  readonly #rules: GateRules;
  readonly #upgrades: Upgrades;
  #sweep: NodeJS.Timeout | undefined;
  #countTcp: (() => number) | undefined;

  constructor(
    chat: Chat,
    options: SocketOptions,
    {
      addresses,
      cookies,
      hosts,
      origins,
      overload,
    }: Pick<GateRules, "addresses" | "cookies" | "hosts" | "origins" | "overload">,
  ) {
    this.#chat = chat;
    this.#options = options;
    this.capacity = options.capacity;
    const { connectsPerSecondPerAddress: connectsPerSecond } = options;
    this.connectionLimits = new ConnectionLimits({ ...options.capacity, connectsPerSecond }, chat.counters);
    this.#registry = new ConnectionRegistry(
      chat,
      this.connectionLimits,
      new Heartbeat(options.pingSeconds, chat.counters),
    );
    this.drain = new Drain(chat, this.#registry, options.shutdownSeconds);
    this.#upgrades = new Upgrades(chat.logger);
    this.#rules = {
      hosts,
      origins,
      connectionLimits: this.connectionLimits,
      addresses,
      cookies,
      draining: () => this.drain.begun,
      overload,
    };
  }

  get count(): number {
    return this.connectionLimits.count;
  }

  /** Sockets and event streams that may be open; undefined = no limit. */
  get limit(): number | undefined {
    const { connections } = this.capacity;
    return connections === 0 ? undefined : connections;
  }

  /** Open TCP connections of the server; undefined where it is the app's around the chat. */
  get tcpCount(): number | undefined {
    return this.#countTcp?.();
  }

  /** Tells how TCP connections are counted. */
  countTcp(count: () => number): void {
    this.#countTcp = count;
  }

  /**
   * Makes the app's server take upgrades. An upgrade to an address without a socket is answered 404; where the app has an
   * upgrade listener of its own, that upgrade is left to it.
   */
  takeUpgrades(app: FastifyInstance): void {
    this.#upgrades.attach(app);
    app.addHook("onRequest", (request, reply, done) => {
      const rejected = this.#upgrades.has(request) ? this.#unroutable(request) : undefined;
      if (rejected === undefined) done();
      else this.#reject(reply, rejected);
    });
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

  /** Begins the heartbeat and the sweep. */
  start(): void {
    this.#sweep = setInterval(() => this.connectionLimits.sweep(), SWEEP_MS).unref();
    this.#registry.start();
  }

  /** Ends every timer. */
  stop(): void {
    clearInterval(this.#sweep);
    this.#registry.stop();
  }

  #route(app: FastifyInstance, url: string, codec: Codec, handler: RouteHandlerMethod): void {
    const spoken = url === "/ws" ? V1_CODEC : undefined;
    const upgrades = this.#upgrades;
    const admit = this.#admit.bind(this);
    const answer: RouteHandlerMethod = function (request, reply) {
      return upgrades.has(request)
        ? admit(request, reply, codec, spoken)
        : handler.call(this, request, reply);
    };
    upgrades.addAddress(`${app.prefix}${url}`);
    if (url === "/" && app.prefix !== "") upgrades.addAddress(app.prefix);
    app.get(url, answer);
  }

  /** Returns why an upgrade cannot reach a socket of this chat, whatever else it asks for. */
  #unroutable(request: FastifyRequest): Rejection | undefined {
    const foreign = hostRejection(request, this.#rules) ?? originRejection(request, this.#rules);
    if (foreign !== undefined || this.#upgrades.isAddress(request)) return foreign;
    const path = request.url.split("?")[0]?.slice(0, PATH_SHOWN) ?? "";
    return { status: 404, sentence: `There is no socket at ${path}.` };
  }

  /** Decides about an upgrade: opens its socket or rejects it. */
  #admit(request: FastifyRequest, reply: FastifyReply, plain: Codec, v1: Codec | undefined): FastifyReply {
    const rejected = rejection(request, this.#rules);
    if (rejected !== undefined) return this.#reject(reply, rejected);
    const isV1 = v1 !== undefined && asksForV1(request);
    if (!isV1 && asksForV1(request)) {
      return this.#reject(reply, { status: 400, sentence: `${SUBPROTOCOL} is spoken on /ws.` });
    }
    const query = isV1 ? success(undefined) : readPlainQuery(request, this.#options.defaultRoom);
    if (!query.ok) return this.#reject(reply, { status: 400, sentence: query.error.message });
    if (!isV1 && this.#chat.siteTokens?.required === true) {
      return this.#reject(reply, {
        status: 401,
        sentence: "This chat needs a token of its site, and plain sockets have none.",
      });
    }
    const { guests } = this.#chat;
    const { cookies } = this.#rules;
    const guest = guestOf(request.raw, cookies) ?? guests.create();
    const set = guestCookies(guest, request.raw, cookies, isSecure(request));
    const { id: requestId, routeOptions } = request;
    const address = this.#rules.addresses.of(request);
    // The route's own: a query may hold a token, which must not be logged.
    const path = routeOptions.url ?? "";
    const arrival = { guest, codec: isV1 ? v1 : plain, query: query.value, address, requestId, path };
    this.#upgrades.open(request, reply, set, (socket, wire) => this.#registry.take(socket, wire, arrival));
    return reply;
  }

  #reject(reply: FastifyReply, rejection: Rejection): FastifyReply {
    countOne(this.#chat.counters.refusedUpgrades, rejection.status);
    return reject(reply, rejection);
  }
}

function upgradeRequired(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(426)
    .header("Upgrade", "websocket")
    .type("text/plain; charset=utf-8")
    .send("This address is for WebSockets; open / for the chat page.\n");
}
