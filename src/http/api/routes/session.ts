import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { Chat } from "../../../chat/chat.ts";
import { type Identity, identify, identifyAppUser, withHandle } from "../../../chat/identity.ts";
import { limitsFor } from "../../../chat/limits/store-limits.ts";
import { type Result, success } from "../../../chat/result.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import type { ChatCookies } from "../../../transport/cookies/chat-cookies.ts";
import { guestCookies, guestOf } from "../../../transport/cookies/guest-cookie.ts";
import { sessionCookies, sessionOf, siteSessionEnd } from "../../../transport/cookies/session-cookie.ts";
import { isSecure } from "../../../transport/origin.ts";
import { refuse } from "../error.ts";
import { FAILURES, Hello, Welcome } from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/**
 * Registers `POST /api/session`: a user identifies without a socket, and gets a cookie that identifies them
 * from then on. A user of the embedding app's own session gets none: the app knows them by each request,
 * until its session ends.
 */
export function routeSession(app: FastifyInstance, { chat, cookies, callers }: RouteDeps): void {
  app.post<{ Body: Static<typeof Hello> }>(
    "/session",
    {
      bodyLimit: LIMITS.frameBytes,
      schema: {
        operationId: "openSession",
        summary: "Say who you are, by a token or by the cookies you have",
        description: "Opens a session, whose cookie stands for the user from then on.",
        tags: ["session"],
        security: [{}, { session: [] }],
        body: Hello,
        response: { 200: Welcome, ...FAILURES },
      },
    },
    async (request, reply) => {
      const appUser = await callers.appUser(request);
      if (!appUser.ok) return refuse(reply, appUser.error);
      const caller =
        appUser.value === undefined
          ? await callerOf(request, chat, cookies)
          : await identifyAppUser(chat, appUser.value, { token: request.body.token, known: undefined });
      if (!caller.ok) return refuse(reply, caller.error);
      const { identity: found, token } = caller.value;
      const named = withHandle(found, request.body.handle);
      if (!named.ok) return refuse(reply, named.error);
      const identity = named.value;
      // Those of a guest must not stand for the user once the app's session has ended.
      const session =
        appUser.value === undefined
          ? sessionCookies(identity, request.raw, cookies, isSecure(request))
          : success(cookies.removals(request.raw));
      if (!session.ok) return refuse(reply, session.error);
      reply.header("Set-Cookie", session.value);
      // The guest's cookie, so that a socket is of the same guest.
      if (identity.kind === "guest")
        reply.header("Set-Cookie", guestCookies(identity.user, request.raw, cookies, isSecure(request)));
      const { user, handle, expiresAt } = identity;
      return reply.header("Cache-Control", "no-store").send({
        user: { id: user, handle },
        ...(token === undefined ? {} : { token }),
        ...(expiresAt === undefined ? {} : { endsAt: expiresAt }),
        pingMs: LIMITS.pingMs,
        limits: limitsFor(chat.options),
      });
    },
  );
}

/**
 * The user who opens a session. Token undefined = only the cookies name the user, and there is no token to
 * return.
 */
interface SessionCaller {
  readonly identity: Identity;
  readonly token: string | undefined;
}

/** Returns the user that the token names, else the one that the cookies name, else a new guest. */
async function callerOf(
  request: FastifyRequest<{ Body: Static<typeof Hello> }>,
  chat: Chat,
  cookies: ChatCookies,
): Promise<Result<SessionCaller>> {
  const { token } = request.body;
  const found = await sessionOf(request.raw, cookies, chat);
  if (token === undefined && !found.ok) return found;
  const known = found.ok ? found.value : undefined;
  // A session that was opened with the site's token continues, and ends when it was to end.
  if (token === undefined && known?.kind === "site") return success({ identity: known, token });
  const guest = guestOf(request.raw, cookies) ?? chat.guests.create();
  const caller = await identify(chat, { token, guest, known });
  if (!caller.ok || caller.value.identity.kind !== "site") return caller;
  const { identity } = caller.value;
  const expiresAt = siteSessionEnd(identity.expiresAt);
  return success({ ...caller.value, identity: { ...identity, expiresAt } });
}
