import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import { countOne } from "../../chat/counters.ts";
import type { AppUsers } from "../../chat/identity.ts";
import { COST } from "../../chat/limits/request-budget.ts";
import type { Connections } from "../../transport/connections.ts";
import type { ChatCookies } from "../../transport/cookies/chat-cookies.ts";
import { Callers } from "./callers.ts";
import { checkCompiler } from "./checks.ts";
import { refuse } from "./error.ts";
import { answerFailure, answerNotFound } from "./failures.ts";
import type { InFlightRequests } from "./in-flight-requests.ts";
import { readJsonBodies } from "./json-body.ts";
import type { ProgramKeys } from "./program-keys.ts";
import type { RequestThrottle } from "./request-throttle.ts";
import { routeAccess } from "./routes/access.ts";
import { describeRoutes, routeDescription } from "./routes/description.ts";
import { routeEvents } from "./routes/events.ts";
import { routeLongRooms } from "./routes/long-room.ts";
import { routeOrigin } from "./routes/origin.ts";
import { routePostMessage } from "./routes/post-message.ts";
import { routeReadMessages } from "./routes/read-messages.ts";
import { routeReports } from "./routes/reports.ts";
import { routeRooms } from "./routes/rooms.ts";
import type { RouteDeps } from "./routes/route-deps.ts";
import { routeSession } from "./routes/session.ts";

export interface ApiOptions {
  readonly connections: Connections;
  readonly cookies: ChatCookies;
  /** Undefined = the embedding app does not say who its users are. */
  readonly appUsers: AppUsers<FastifyRequest> | undefined;
  readonly underWay: InFlightRequests;
  readonly throttle: RequestThrottle;
  /** Whether unknown routes below `/api` are answered here; else they are left to the embedding app. */
  readonly ownsPath: boolean;
}

/** The HTTP interface, docs/protocol.md section 8. */
export class Api {
  readonly #deps: RouteDeps;
  readonly #options: ApiOptions;

  constructor(chat: Chat, programs: ProgramKeys, options: ApiOptions) {
    const { connections, cookies, appUsers, throttle, underWay } = options;
    const { addresses } = connections.gate;
    this.#deps = {
      chat,
      gate: connections.gate,
      streams: connections.streams,
      cookies,
      callers: new Callers(chat, programs, { cookies, addresses, appUsers, throttle }),
      throttle,
      underWay,
    };
    this.#options = options;
  }

  /** Registers everything below `/api`, in a scope of its own. */
  async register(app: FastifyInstance): Promise<void> {
    await app.register(this.#scope, { prefix: "/api" });
  }

  readonly #scope = async (scope: FastifyInstance): Promise<void> => {
    scope.setValidatorCompiler(checkCompiler);
    readJsonBodies(scope);
    scope.setErrorHandler(answerFailure);
    scope.addHook("onRequest", this.#admit);
    scope.addHook("onResponse", this.#count);
    await describeRoutes(scope);
    routeRooms(scope, this.#deps);
    routeReadMessages(scope, this.#deps);
    routeAccess(scope, this.#deps);
    routeReports(scope, this.#deps);
    routePostMessage(scope, this.#deps);
    routeEvents(scope, this.#deps);
    routeSession(scope, this.#deps);
    routeOrigin(scope);
    routeLongRooms(scope);
    routeDescription(scope);
    if (!this.#options.ownsPath) return;
    // Before the routes of the page's files, which would answer in their own way.
    for (const url of ["/", "/*"]) scope.all(url, { schema: { hide: true } }, answerNotFound);
  };

  readonly #count = async (_request: FastifyRequest, { statusCode }: FastifyReply): Promise<void> => {
    countOne(this.#deps.chat.counters.answers, statusCode);
  };

  /** Checks every request, before its body is read. */
  readonly #admit = async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    reply.header("X-Content-Type-Options", "nosniff").header("Cross-Origin-Resource-Policy", "same-origin");
    const misdirected = this.#deps.gate.checkHost(request);
    if (misdirected !== undefined) return refuse(reply, misdirected, misdirected.status);
    const foreign = this.#deps.gate.checkOrigin(request);
    if (foreign !== undefined) {
      // The answer has no other content, so the rejected page may read it.
      reply.header("Access-Control-Allow-Origin", "*");
      return refuse(reply, foreign, foreign.status);
    }
    const early = await this.#options.throttle.of(request, COST.request);
    if (early !== undefined) return refuse(reply, early);
    const refused = this.#options.underWay.begin(request, reply);
    return refused === undefined ? undefined : refuse(reply, refused);
  };
}
