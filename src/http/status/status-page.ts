import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ErrorReply } from "../../chat/result.ts";
import type { ApiKeys } from "../../identity/api-keys.ts";
import { OperatorPasses } from "../../identity/operator-passes.ts";
import type { Monitor } from "../../monitoring/monitor.ts";
import { isSecure } from "../../transport/origin.ts";
import { refuse } from "../api/error.ts";
import { answerFailure } from "../api/failures.ts";
import { readJsonBodies } from "../api/json-body.ts";
import { NOT_OPERATOR, type ProgramKeys } from "../api/program-keys.ts";
import type { PageFiles } from "../page/page-files.ts";
import { forgottenCookies, operatorCookies, passesOf } from "./operator-cookie.ts";
import { statusView } from "./view.ts";

/** Bytes of `{"key":"…"}`. */
const SIGN_IN_BYTES = 4 * 1024;

const NO_KEYS: ErrorReply = {
  code: "forbidden",
  message: "This server has no API_KEYS, so it is not possible to sign in here.",
};

/**
 * The operator's page: `/status` itself, which contains no data; `/status/session` to sign in with one of
 * API_KEYS, and to sign out; and `/status/fleet`, the state of all processes, for users who have signed in
 * and for programs that send a key as a bearer.
 */
export class StatusPage {
  readonly #monitor: Monitor;
  readonly #keys: ApiKeys;
  readonly #files: PageFiles;
  readonly #programs: ProgramKeys;
  readonly #passes: OperatorPasses;

  constructor(monitor: Monitor, keys: ApiKeys, programs: ProgramKeys, files: PageFiles) {
    this.#programs = programs;
    this.#monitor = monitor;
    this.#keys = keys;
    this.#files = files;
    this.#passes = new OperatorPasses(keys);
  }

  /** Registers the routes. To be called in the page's scope, whose headers they use. */
  register(scope: FastifyInstance): void {
    scope.get("/status", async (request, reply) => this.#files.sendDocument(request, reply, "status.html"));
    scope.get("/status/fleet", this.#fleet);
    readJsonBodies(scope);
    const options = { bodyLimit: SIGN_IN_BYTES, errorHandler: answerFailure };
    scope.post("/status/session", options, this.#signIn);
    scope.delete("/status/session", this.#signOut);
  }

  readonly #fleet = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const refused = this.#refusalOf(request);
    if (refused !== undefined) return refuse(reply, refused);
    return reply.header("Cache-Control", "no-store").send(statusView(await this.#monitor.fleet()));
  };

  readonly #signIn = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (this.#keys.isEmpty) return refuse(reply, NO_KEYS);
    const key = keyIn(request.body);
    const owner = this.#programs.owner(key, request);
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

  /** Returns why the sender of a request may not see the state of the processes; undefined = they may. */
  #refusalOf(request: FastifyRequest): ErrorReply | undefined {
    if (this.#keys.isEmpty) return NO_KEYS;
    if ([...passesOf(request.raw).values()].some(this.#isOurs)) return undefined;
    const program = this.#programs.operator(request);
    return program.ok ? undefined : program.error;
  }
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
