import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { ApiKeys, Program } from "../../identity/api-keys.ts";
import { OperatorPasses } from "../../identity/operator-passes.ts";
import type { Monitor } from "../../monitoring/monitor.ts";
import type { Gate } from "../../transport/gate.ts";
import { isSecure } from "../../transport/origin.ts";
import { refuse } from "../api/error.ts";
import { answerFailure } from "../api/failures.ts";
import { readJsonBodies } from "../api/json-body.ts";
import { NOT_OPERATOR, type ProgramKeys } from "../api/program-keys.ts";
import type { PageFiles } from "../page/page-files.ts";
import { forgottenCookies, operatorCookies, passesOf } from "./operator-cookie.ts";
import { routeStatusReports } from "./status-reports.ts";
import { routeStatusRooms } from "./status-rooms.ts";
import { statusView } from "./view.ts";

/** Bytes of `{"key":"…"}`. */
const SIGN_IN_BYTES = 4 * 1024;

const NO_KEYS = failure({
  code: "forbidden",
  message: "This server has no API_KEYS, so it is not possible to sign in here.",
} as const);

/** Dependencies of the operator's page. */
export interface StatusDeps {
  readonly chat: Chat;
  readonly gate: Gate;
  readonly monitor: Monitor;
  readonly keys: ApiKeys;
  readonly programs: ProgramKeys;
  readonly files: PageFiles;
}

/**
 * The operator's page: `/status` itself, which contains no data; `/status/session` to sign in with one of
 * API_KEYS, and to sign out; and, for users who have signed in and for programs that send a key as a bearer,
 * `/status/fleet`, the state of all processes, and `/status/rooms` and `/status/reports`, which are for
 * moderating rooms.
 */
export class StatusPage {
  readonly #deps: StatusDeps;
  readonly #passes: OperatorPasses;

  constructor(deps: StatusDeps) {
    this.#deps = deps;
    this.#passes = new OperatorPasses(deps.keys);
  }

  /** Registers the routes. To be called in the page's scope, whose headers they use. */
  async register(scope: FastifyInstance): Promise<void> {
    const { chat, gate, files } = this.#deps;
    scope.get("/status", async (request, reply) => files.sendDocument(request, reply, "status.html"));
    scope.get("/status/fleet", this.#fleet);
    readJsonBodies(scope);
    const options = { bodyLimit: SIGN_IN_BYTES, errorHandler: answerFailure };
    scope.post("/status/session", options, this.#signIn);
    scope.delete("/status/session", this.#signOut);
    await scope.register(async (moderation) => {
      const deps = { chat, gate, operatorOf: this.#operatorOf };
      routeStatusRooms(moderation, deps);
      routeStatusReports(moderation, deps);
    });
  }

  readonly #fleet = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const operator = this.#operatorOf(request);
    if (!operator.ok) return refuse(reply, operator.error);
    return reply.header("Cache-Control", "no-store").send(statusView(await this.#deps.monitor.fleet()));
  };

  readonly #signIn = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { keys, programs } = this.#deps;
    if (keys.isEmpty) return refuse(reply, NO_KEYS.error);
    const key = keyIn(request.body);
    const owner = programs.owner(key, request);
    if (!owner.ok) return refuse(reply, owner.error);
    if (!owner.value.mayOperate) return refuse(reply, NOT_OPERATOR.error);
    const pass = this.#passes.issue(key, Date.now());
    if (pass === undefined) throw new Error("a key that is known signs nothing");
    return answerWith(
      reply,
      operatorCookies(pass, owner.value.user, request.raw, this.#isOurs, isSecure(request)),
    );
  };

  readonly #signOut = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    return answerWith(reply, forgottenCookies(request.raw, this.#isOurs, isSecure(request)));
  };

  readonly #isOurs = (pass: string): boolean => this.#passes.operatorOf(pass, Date.now()) !== undefined;

  /** Returns the operator who sent a request: by a pass in its cookies, else by a bearer key. */
  readonly #operatorOf = (request: FastifyRequest): Result<Program> => {
    const { keys, programs } = this.#deps;
    if (keys.isEmpty) return NO_KEYS;
    const now = Date.now();
    for (const pass of passesOf(request.raw).values()) {
      const operator = this.#passes.operatorOf(pass, now);
      if (operator !== undefined) return success(operator);
    }
    return programs.operator(request);
  };
}

function answerWith(reply: FastifyReply, cookies: readonly string[]): FastifyReply {
  return reply
    .code(204)
    .header("Cache-Control", "no-store")
    .header("Set-Cookie", [...cookies])
    .send();
}

function keyIn(body: unknown): string {
  return typeof body === "object" && body !== null && "key" in body && typeof body.key === "string"
    ? body.key
    : "";
}
