import type { FastifyRequest } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import { guestIdentity, type Identity, NEEDS_TOKEN } from "../../chat/identity.ts";
import { type Result, success } from "../../chat/result.ts";
import type { ChatCookies } from "../../transport/cookies/chat-cookies.ts";
import { guestOf } from "../../transport/cookies/guest-cookie.ts";
import { sessionOf } from "../../transport/cookies/session-cookie.ts";
import type { ProgramKeys } from "./program-keys.ts";

/** Identifies the senders of HTTP requests: programs by their key, users by their cookies. */
export class Callers {
  readonly #chat: Chat;
  readonly #programs: ProgramKeys;
  readonly #cookies: ChatCookies;

  constructor(chat: Chat, programs: ProgramKeys, cookies: ChatCookies) {
    this.#cookies = cookies;
    this.#chat = chat;
    this.#programs = programs;
  }

  /**
   * Returns the sender of a request that reads; undefined = a client without cookies, which may read, too.
   * Fails with `unauthorized` if the site's tokens are required and the client has none.
   */
  async reader(request: FastifyRequest): Promise<Result<Identity | undefined>> {
    const caller = await this.#callerOf(request);
    return caller.ok && this.#isShutOut(caller.value) ? NEEDS_TOKEN : caller;
  }

  /**
   * Returns the sender of a request that writes: a program with a key, or a user with a cookie. Fails as
   * `reader` does, and if there is neither.
   */
  async writer(request: FastifyRequest): Promise<Result<Identity>> {
    const caller = await this.reader(request);
    if (!caller.ok) return caller;
    return caller.value === undefined ? this.#program(request) : success(caller.value);
  }

  async #callerOf(request: FastifyRequest): Promise<Result<Identity | undefined>> {
    if (request.headers.authorization !== undefined) return this.#program(request);
    const session = await sessionOf(request.raw, this.#cookies, this.#chat.siteTokens);
    if (!session.ok || session.value !== undefined) return session;
    const user = guestOf(request.raw, this.#cookies);
    return success(user === undefined ? undefined : guestIdentity(user));
  }

  #program(request: FastifyRequest): Result<Identity> {
    const program = this.#programs.sender(request);
    return program.ok ? success(programIdentity(program.value)) : program;
  }

  #isShutOut(caller: Identity | undefined): boolean {
    return this.#chat.siteTokens?.required === true && (caller === undefined || caller.kind === "guest");
  }
}

function programIdentity(user: string): Identity {
  const handle = `program-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`;
  return { user, handle, kind: "program", expiresAt: undefined, siteKey: undefined };
}
