import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import type { Codec } from "../../chat/connection.ts";
import { countOne } from "../../chat/counters.ts";
import { type AppUsers, type Identity, STARTING } from "../../chat/identity.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { PlainQuery } from "../../chat/session/plain/plain-session.ts";
import { SUBPROTOCOL } from "../../protocol/frames.ts";
import { HANDLE_CODEC, PLAIN_CODEC, USERNAME_CODEC } from "../codecs/plain.ts";
import { V1_CODEC } from "../codecs/v1.ts";
import type { ChatCookies } from "../cookies/chat-cookies.ts";
import { guestCookies, guestOf } from "../cookies/guest-cookie.ts";
import type { Gate } from "../gate.ts";
import { isSecure } from "../origin.ts";
import { readPlainQuery } from "./plain-query.ts";
import type { Sockets } from "./sockets.ts";
import { Upgrades } from "./upgrades.ts";

/** Characters of an unknown address that are repeated in an answer. */
const PATH_SHOWN = 100;

/** Seconds after which a rejected client may retry, if the rejection does not say. */
const RETRY_SECONDS = 5;

/** Why a socket is not opened. */
interface UpgradeRejection {
  readonly status: 400 | 401 | 403 | 404 | 421 | 429 | 503;
  /** One sentence. */
  readonly message: string;
  /** Pause before the client may retry, ms; undefined = `RETRY_SECONDS`, if a retry makes sense. */
  readonly retryAfterMs?: number | undefined;
}

export interface SocketRouteOptions {
  readonly cookies: ChatCookies;
  /** Undefined = the embedding app does not say who its users are. */
  readonly appUsers: AppUsers<FastifyRequest> | undefined;
  readonly defaultRoom: string;
}

/** A socket that may be opened if its user may. */
interface Admissible {
  readonly codec: Codec;
  /** The query string of a plain client; undefined for v1. */
  readonly query: PlainQuery | undefined;
}

/** The routes at which clients open sockets. */
export class SocketRoutes {
  readonly #chat: Chat;
  readonly #gate: Gate;
  readonly #sockets: Sockets;
  readonly #cookies: ChatCookies;
  readonly #appUsers: AppUsers<FastifyRequest> | undefined;
  readonly #defaultRoom: string;
  readonly #upgrades: Upgrades;

  constructor(chat: Chat, gate: Gate, sockets: Sockets, options: SocketRouteOptions) {
    this.#chat = chat;
    this.#gate = gate;
    this.#sockets = sockets;
    this.#cookies = options.cookies;
    this.#appUsers = options.appUsers;
    this.#defaultRoom = options.defaultRoom;
    this.#upgrades = new Upgrades(chat.logger);
  }

  /**
   * Handles the upgrades of the app's server. An upgrade to an address without a socket is answered 404; if
   * the app has an upgrade listener of its own, it is left to that.
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
  register(app: FastifyInstance): void {
    this.#route(app, "/ws", PLAIN_CODEC, upgradeRequired);
    this.#route(app, "/websocket", USERNAME_CODEC, upgradeRequired);
  }

  /** Registers the socket of `/`; `page` answers a GET that is no upgrade. */
  registerBesidePage(app: FastifyInstance, page: RouteHandlerMethod): void {
    this.#route(app, "/", HANDLE_CODEC, page);
  }

  #route(app: FastifyInstance, url: string, codec: Codec, handler: RouteHandlerMethod): void {
    const v1 = url === "/ws" ? V1_CODEC : undefined;
    const upgrades = this.#upgrades;
    const admit = this.#admit.bind(this);
    const answer: RouteHandlerMethod = function (request, reply) {
      return upgrades.has(request) ? admit(request, reply, codec, v1) : handler.call(this, request, reply);
    };
    upgrades.addAddress(`${app.prefix}${url}`);
    if (url === "/" && app.prefix !== "") upgrades.addAddress(app.prefix);
    app.get(url, answer);
  }

  /** Returns why an upgrade cannot reach a socket of this chat; undefined = it can. */
  #unroutable(request: FastifyRequest): UpgradeRejection | undefined {
    const rejected = this.#gate.checkHost(request) ?? this.#gate.checkOrigin(request);
    if (rejected !== undefined || this.#upgrades.isAddress(request)) return rejected;
    const path = request.url.split("?")[0]?.slice(0, PATH_SHOWN) ?? "";
    return { status: 404, message: `There is no socket at ${path}.` };
  }

  /** Opens the socket of an upgrade, or rejects it. */
  #admit(
    request: FastifyRequest,
    reply: FastifyReply,
    plain: Codec,
    v1: Codec | undefined,
  ): FastifyReply | Promise<FastifyReply> {
    const admissible = this.#check(request, plain, v1);
    if (!admissible.ok) return this.#reject(reply, admissible.error);
    return this.#appUsers === undefined
      ? this.#open(request, reply, admissible.value, undefined)
      : this.#openAsAppUser(request, reply, admissible.value, this.#appUsers);
  }

  /** Checks what can be checked before the user is known. */
  #check(request: FastifyRequest, plain: Codec, v1: Codec | undefined): Result<Admissible, UpgradeRejection> {
    const offered = offeredSubprotocols(request);
    const asksForV1 = offered.includes(SUBPROTOCOL);
    if (offered.length > 0 && !asksForV1) {
      const message = `The only subprotocol spoken here is ${SUBPROTOCOL}, and none.`;
      return failure({ status: 400, message });
    }
    const rejected = this.#gate.checkConnection(request);
    if (rejected !== undefined) return failure(rejected);
    const codec = asksForV1 ? v1 : plain;
    if (codec === undefined) return failure({ status: 400, message: `${SUBPROTOCOL} is spoken on /ws.` });
    if (asksForV1) return success({ codec, query: undefined });
    const query = readPlainQuery(request, this.#defaultRoom);
    if (!query.ok) return failure({ status: 400, message: query.error.message });
    return success({ codec, query: query.value });
  }

  /** Asks the embedding app who sent an upgrade, and opens its socket, or rejects it. */
  async #openAsAppUser(
    request: FastifyRequest,
    reply: FastifyReply,
    admissible: Admissible,
    appUsers: AppUsers<FastifyRequest>,
  ): Promise<FastifyReply> {
    const found = await appUsers.of(request);
    if (!found.ok) return this.#reject(reply, { ...found.error, status: 503 });
    // The server may have become full meanwhile, or begun to end.
    const rejected = this.#gate.checkCapacity(request);
    return rejected === undefined
      ? this.#open(request, reply, admissible, found.value)
      : this.#reject(reply, rejected);
  }

  #open(
    request: FastifyRequest,
    reply: FastifyReply,
    { codec, query }: Admissible,
    appUser: Identity | undefined,
  ): FastifyReply {
    if (query !== undefined && appUser === undefined && this.#chat.siteTokens?.required === true) {
      const message = "This chat needs a token of its site, and plain sockets have none.";
      return this.#reject(reply, { status: 401, message });
    }
    if (query !== undefined && this.#chat.rights.known(appUser, query.room) === "none")
      return this.#reject(reply, { status: 403, message: `You may not enter ${query.room}.` });
    const over =
      query === undefined || appUser === undefined ? undefined : this.#chat.accounts.refusal(appUser);
    if (over !== undefined) return this.#reject(reply, { ...over, status: 429 });
    // Its user would become another one.
    if (appUser === undefined && this.#cookies.areUnreadable(request.raw))
      return this.#reject(reply, { status: 503, message: STARTING.error.message });
    const guest = guestOf(request.raw, this.#cookies) ?? this.#chat.guests.create();
    const set =
      appUser === undefined ? guestCookies(guest, request.raw, this.#cookies, isSecure(request)) : [];
    const { id: requestId, routeOptions } = request;
    const address = this.#gate.addresses.of(request);
    // The route's own path: a query may contain a token, which must not be logged.
    const path = routeOptions.url ?? "";
    const arrival = { guest, appUser, codec, query, address, requestId, path };
    this.#upgrades.open(request, reply, set, (socket, wire) => this.#sockets.take(socket, wire, arrival));
    return reply;
  }

  #reject(reply: FastifyReply, { status, message, retryAfterMs }: UpgradeRejection): FastifyReply {
    countOne(this.#chat.counters.refusedUpgrades, status);
    const seconds = retryAfterMs === undefined ? RETRY_SECONDS : Math.ceil(retryAfterMs / 1000);
    if (status === 429 || status === 503) reply.header("Retry-After", seconds);
    return reply.code(status).type("text/plain; charset=utf-8").send(`${message}\n`);
  }
}

function offeredSubprotocols(request: FastifyRequest): string[] {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return header
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function upgradeRequired(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(426)
    .header("Upgrade", "websocket")
    .type("text/plain; charset=utf-8")
    .send("This address is for WebSockets; open / for the chat page.\n");
}
