import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { Chat } from "../../../chat/chat.ts";
import { guestHandle } from "../../../chat/guests.ts";
import { limitsFor } from "../../../chat/limits/store-limits.ts";
import { type Result, success } from "../../../chat/result.ts";
import { type Caller, identify } from "../../../chat/session/identify.ts";
import { readHandle } from "../../../chat/text/handle.ts";
import { LIMITS } from "../../../protocol.ts";
import type { ChatCookies } from "../../../transport/cookies/chat-cookies.ts";
import { guestCookies, guestOf } from "../../../transport/cookies/guest-cookie.ts";
import {
  type HttpSession,
  sessionCookies,
  sessionOf,
  siteSessionEnd,
} from "../../../transport/cookies/session-cookie.ts";
import { isSecure } from "../../../transport/origin.ts";
import { refuse } from "../error.ts";
import { FAILURES, Hello, Welcome } from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/** `POST /api/session`: a person says hello without a socket; the cookie that is set stands for them from then on. */
export function routeSession(app: FastifyInstance, { chat, cookies }: RouteDeps): void {
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
      const caller = await callerOf(request, chat, cookies);
      if (!caller.ok) return refuse(reply, caller.error);
      const { user, handle, token, endsAt, kind, siteKey } = caller.value;
      const wanted = readHandle(request.body.handle ?? "");
      if (!wanted.ok) return refuse(reply, wanted.error);
      const ending = endsAt === undefined ? {} : { endsAt };
      const session: HttpSession = {
        user,
        handle: wanted.value ?? handle ?? guestHandle(user),
        site: kind === "site",
        ...(siteKey === undefined ? {} : { siteKey }),
        ...ending,
      };
      setCookies(session, request, reply, cookies);
      return reply.header("Cache-Control", "no-store").send({
        user: { id: user, handle: session.handle },
        ...(token === undefined ? {} : { token }),
        ...ending,
        pingMs: LIMITS.pingMs,
        limits: limitsFor(chat.options),
      });
    },
  );
}

/** A caller by a token, or by the cookies alone: then there may be no token to give back. */
type SessionCaller = Omit<Caller, "token"> & { readonly token: string | undefined };

/** Returns whom the token names, else whom the cookies name, else a new guest. */
async function callerOf(
  request: FastifyRequest<{ Body: Static<typeof Hello> }>,
  chat: Chat,
  cookies: ChatCookies,
): Promise<Result<SessionCaller>> {
  const { token } = request.body;
  const found = await sessionOf(request.raw, cookies, chat.siteTokens);
  if (token === undefined && !found.ok) return found;
  const session = found.ok ? found.value : undefined;
  // The site's token was shown when the session was opened; the session goes on, and ends when it was to end.
  if (token === undefined && session?.site === true) {
    return success({
      ...session,
      kind: "site",
      endsAt: session.endsAt,
      siteKey: session.siteKey,
      token: undefined,
    });
  }
  const known = guestOf(request.raw, cookies);
  const caller = await identify(chat, token, known ?? chat.guests.create());
  if (!caller.ok) return caller;
  const { user, kind, handle, endsAt } = caller.value;
  const opened = { ...caller.value, endsAt: kind === "site" ? siteSessionEnd(endsAt) : endsAt };
  return success(session?.user === user ? { ...opened, handle: handle ?? session.handle } : opened);
}

function setCookies(
  session: HttpSession,
  request: FastifyRequest,
  reply: FastifyReply,
  cookies: ChatCookies,
): void {
  const secure = isSecure(request);
  reply.header("Set-Cookie", sessionCookies(session, request.raw, cookies, secure));
  // The same guest on a socket.
  if (!session.site) reply.header("Set-Cookie", guestCookies(session.user, request.raw, cookies, secure));
}
