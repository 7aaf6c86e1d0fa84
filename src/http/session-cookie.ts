import type { IncomingMessage } from "node:http";
import { serialize } from "cookie";
import { objectOf } from "../chat/checked-entry.ts";
import { guestHandle } from "../chat/guests.ts";
import { handleFrom } from "../chat/handle.ts";
import { failure, type Result, success } from "../chat/result.ts";
import type { ChatCookies } from "./chat-cookies.ts";

/** Of a session that has no end of its own, seconds: a year. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

/** Who a browser is over HTTP; opened by `POST /api/session`. */
export interface HttpSession {
  readonly user: string;
  readonly handle: string;
  /** When it ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt?: number;
  /** Whether a token of the embedding site opened it. */
  readonly site: boolean;
}

const ENDED = failure({ code: "unauthorized", message: "The token has ended." } as const);

/**
 * Returns the session in a request's cookie; undefined where there is none, or it was not opened here. Fails with `unauthorized` where a
 * site's token opened it and has ended: its user is not taken for a guest.
 */
export function sessionOf(
  request: IncomingMessage,
  cookies: ChatCookies,
  now = Date.now(),
): Result<HttpSession | undefined> {
  let hasEnded = false;
  for (const sealed of cookies.valuesOf("session", request)) {
    const words = cookies.guests.unseal(sealed);
    const session = words === undefined ? undefined : sessionIn(words);
    if (session === undefined) continue;
    if (session.endsAt === undefined || session.endsAt > now) return success(session);
    hasEnded ||= session.site;
  }
  return hasEnded ? ENDED : success(undefined);
}

function sessionIn(words: string): HttpSession | undefined {
  const session = objectOf(words);
  if (!isSession(session)) return undefined;
  // Another version may have stored a handle that this one does not accept.
  return { ...session, handle: handleFrom(session.handle) ?? guestHandle(session.user) };
}

/**
 * Returns the Set-Cookie headers that open a session; none while no secret is known.
 * `secure`: whether the browser came by https.
 */
export function sessionCookies(
  session: HttpSession,
  request: IncomingMessage,
  cookies: ChatCookies,
  secure: boolean,
  now = Date.now(),
): string[] {
  const { guests } = cookies;
  const sealed = guests.seal(JSON.stringify(session));
  if (sealed === undefined) return [];
  const { endsAt } = session;
  const left = endsAt === undefined ? MAX_AGE_SECONDS : Math.ceil((endsAt - now) / 1000);
  const maxAge = Math.max(0, Math.min(left, MAX_AGE_SECONDS));
  const options = { path: "/", httpOnly: true, sameSite: "lax", secure, maxAge } as const;
  const names = cookies.namesFor("session", request, (value) => guests.unseal(value) !== undefined);
  return names.map((name) => serialize(name, sealed, options));
}

function isSession(value: unknown): value is HttpSession {
  return (
    typeof value === "object" &&
    value !== null &&
    "user" in value &&
    typeof value.user === "string" &&
    "handle" in value &&
    typeof value.handle === "string" &&
    "site" in value &&
    typeof value.site === "boolean" &&
    (!("endsAt" in value) || typeof value.endsAt === "number")
  );
}
