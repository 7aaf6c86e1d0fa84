import type { FastifyRequest } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import { guestHandle } from "../../chat/guests.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { UserKind } from "../../chat/room/member.ts";
import type { ChatCookies } from "../../transport/cookies/chat-cookies.ts";
import { guestOf } from "../../transport/cookies/guest-cookie.ts";
import { type HttpSession, sessionOf } from "../../transport/cookies/session-cookie.ts";
import type { Programs } from "./programs.ts";

/** Who sent a request: a program by its key, a person by their cookie; undefined = nobody who can be told again. */
export type Caller =
  | ({ readonly kind: "person" } & HttpSession)
  | { readonly kind: "program"; readonly user: string; readonly handle: string };

const NEEDS_TOKEN = failure({
  code: "unauthorized",
  message: "This chat needs a token of its site.",
} as const);

/** Returns how a caller comes to be one. */
export function kindOf(caller: Caller): UserKind {
  if (caller.kind === "program") return "program";
  return caller.site ? "site" : "guest";
}

/** Finds out who sends requests, and what they may do. */
export class Callers {
  readonly #chat: Chat;
  readonly #programs: Programs;
  readonly #cookies: ChatCookies;

  constructor(chat: Chat, programs: Programs, cookies: ChatCookies) {
    this.#cookies = cookies;
    this.#chat = chat;
    this.#programs = programs;
  }

  /** Whoever may read: everybody, but where the site's tokens are required only those who showed one. */
  async reader(request: FastifyRequest): Promise<Result<Caller | undefined>> {
    const caller = await this.#callerOf(request);
    return caller.ok && this.#isShutOut(caller.value) ? NEEDS_TOKEN : caller;
  }

  /** Whoever may write: a program with a key, or a person with a cookie. */
  async writer(request: FastifyRequest): Promise<Result<Caller>> {
    const caller = await this.reader(request);
    if (!caller.ok) return caller;
    return caller.value === undefined ? this.#program(request) : success(caller.value);
  }

  async #callerOf(request: FastifyRequest): Promise<Result<Caller | undefined>> {
    if (request.headers.authorization !== undefined) return this.#program(request);
    const session = await sessionOf(request.raw, this.#cookies, this.#chat.siteTokens);
    if (!session.ok) return session;
    if (session.value !== undefined) return success({ kind: "person", ...session.value });
    const user = guestOf(request.raw, this.#cookies);
    return success(
      user === undefined ? undefined : { kind: "person", user, handle: guestHandle(user), site: false },
    );
  }

  #program(request: FastifyRequest): Result<Caller> {
    const program = this.#programs.sender(request);
    return program.ok ? success(programNamed(program.value)) : program;
  }

  #isShutOut(caller: Caller | undefined): boolean {
    if (this.#chat.siteTokens?.required !== true || caller?.kind === "program") return false;
    return caller?.site !== true;
  }
}

function programNamed(user: string): Caller {
  return {
    kind: "program",
    user,
    handle: `program-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`,
  };
}
