import type { FastifyRequest } from "fastify";
import type { Chat } from "../../chat/chat.ts";
import {
  type AppUsers,
  guestIdentity,
  type Identity,
  identify,
  NEEDS_TOKEN,
  STARTING,
} from "../../chat/identity.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { Moderator } from "../../chat/rights/moderation.ts";
import { missingRight, type Visitor } from "../../chat/rights/visitor.ts";
import type { Program } from "../../identity/api-keys.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";
import type { ChatCookies } from "../../transport/cookies/chat-cookies.ts";
import { guestOf } from "../../transport/cookies/guest-cookie.ts";
import { sessionOf } from "../../transport/cookies/session-cookie.ts";
import type { ProgramKeys } from "./program-keys.ts";
import type { RequestThrottle } from "./request-throttle.ts";

/** A token of the site as a bearer: a JSON Web Token in its compact form (RFC 7515, section 7.1). */
const SITE_TOKEN = /^Bearer +(eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *$/i;

export interface CallerDeps {
  readonly cookies: ChatCookies;
  readonly addresses: ClientAddresses;
  /** Undefined = the embedding app does not say who its users are. */
  readonly appUsers: AppUsers<FastifyRequest> | undefined;
  readonly throttle: RequestThrottle;
}

/**
 * Identifies the senders of HTTP requests: users of the embedding app by its own session, programs by their
 * key, other users by a token of the site or by their cookies.
 */
export class Callers {
  readonly #chat: Chat;
  readonly #programs: ProgramKeys;
  readonly #cookies: ChatCookies;
  readonly #addresses: ClientAddresses;
  readonly #appUsers: AppUsers<FastifyRequest> | undefined;
  readonly #throttle: RequestThrottle;

  constructor(chat: Chat, programs: ProgramKeys, { cookies, addresses, appUsers, throttle }: CallerDeps) {
    this.#throttle = throttle;
    this.#addresses = addresses;
    this.#cookies = cookies;
    this.#appUsers = appUsers;
    this.#chat = chat;
    this.#programs = programs;
  }

  /**
   * Returns the sender of a request as a visitor of a room. Fails with `forbidden` if the sender may not read
   * there, and with `unavailable` if that is not known.
   */
  async visitor<T extends Identity | undefined>(
    request: FastifyRequest,
    identity: T,
    room: string,
  ): Promise<Result<Visitor & { readonly identity: T }>> {
    const found = await this.#chat.rights.find(identity, room);
    if (!found.ok) return found;
    const { right: base } = found.value;
    const forbidden = missingRight(base, "read", room);
    if (forbidden !== undefined) return failure(forbidden);
    return success({ identity, base, network: networkOf(this.#addresses.of(request)) });
  }

  /** Returns the user of the app's own session that a request belongs to, as `AppUsers.of` does. */
  async appUser(request: FastifyRequest): Promise<Result<Identity | undefined>> {
    return this.#appUsers === undefined ? success(undefined) : this.#appUsers.of(request);
  }

  /**
   * Returns the sender of a request that reads; undefined = a client without cookies, which may read, too.
   * Fails with `unauthorized` if the site's tokens are required and the client has none, and with
   * `unavailable` if the embedding app does not say who it is, and with `rate-limited` if the user, over all
   * addresses, sends more than allowed; waits first for up to 2 s.
   */
  async reader(request: FastifyRequest): Promise<Result<Identity | undefined>> {
    const caller = await this.#callerOf(request);
    if (!caller.ok) return caller;
    if (this.#isShutOut(caller.value)) return NEEDS_TOKEN;
    const refused = caller.value === undefined ? undefined : await this.#throttle.ofUser(caller.value);
    return refused === undefined ? caller : failure(refused);
  }

  /**
   * Returns the sender of a request that writes: a program with a key, or a user with a token or a cookie.
   * Fails as `reader` does, and if there is neither.
   */
  async writer(request: FastifyRequest): Promise<Result<Identity>> {
    const caller = await this.reader(request);
    if (!caller.ok) return caller;
    return caller.value === undefined ? this.#program(request) : success(caller.value);
  }

  /**
   * Returns the sender of a request that writes as a visitor of a room. Fails as `writer` and `visitor` do.
   */
  async writingVisitor(
    request: FastifyRequest,
    room: string,
  ): Promise<Result<Visitor & { readonly identity: Identity }>> {
    const caller = await this.writer(request);
    return caller.ok ? this.visitor(request, caller.value, room) : caller;
  }

  /**
   * Returns the sender of a request that is about all rooms. The embedding app is not asked; `Moderation`
   * knows who may moderate all rooms. Fails as `writer` does.
   */
  async writerInAllRooms(request: FastifyRequest): Promise<Result<Moderator>> {
    const caller = await this.writer(request);
    if (!caller.ok) return caller;
    return success({ identity: caller.value, base: "none", network: networkOf(this.#addresses.of(request)) });
  }

  async #callerOf(request: FastifyRequest): Promise<Result<Identity | undefined>> {
    // The app has seen the whole request: its answer counts, whatever other credentials there are.
    const appUser = await this.appUser(request);
    if (!appUser.ok || appUser.value !== undefined) return appUser;
    const { authorization } = request.headers;
    const token = SITE_TOKEN.exec(authorization ?? "")?.[1];
    if (token !== undefined && this.#chat.siteTokens !== undefined) return this.#siteUser(token);
    if (authorization !== undefined) return this.#program(request);
    // A user whose cookie cannot be verified must not be taken for an unknown client, who may read more.
    if (!this.#chat.guests.ready) return STARTING;
    const session = await sessionOf(request.raw, this.#cookies, this.#chat);
    if (!session.ok || session.value !== undefined) return session;
    const user = guestOf(request.raw, this.#cookies);
    return success(user === undefined ? undefined : guestIdentity(user));
  }

  async #siteUser(token: string): Promise<Result<Identity>> {
    const identified = await identify(this.#chat, { token, guest: "", known: undefined });
    return identified.ok ? success(identified.value.identity) : identified;
  }

  #program(request: FastifyRequest): Result<Identity> {
    const program = this.#programs.sender(request);
    return program.ok ? success(programIdentity(program.value)) : program;
  }

  #isShutOut(caller: Identity | undefined): boolean {
    return this.#chat.siteTokens?.required === true && (caller === undefined || caller.kind === "guest");
  }
}

/** Returns a program as a user of the chat. */
export function programIdentity({ user, handle, rooms }: Program): Identity {
  return { ...guestIdentity(user, handle), kind: "program", rooms };
}
