import type { IncomingMessage } from "node:http";
import { parse, serialize } from "cookie";
import { objectOf } from "../chat/checked-entry.ts";
import { type Guests, guestHandle } from "../chat/guests.ts";
import { handleFrom } from "../chat/handle.ts";

const NAME = "dynochat-session";

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

/** The session in a request's cookie; undefined where there is none, it has ended, or it was not opened here. */
export function sessionOf(
  request: IncomingMessage,
  guests: Guests,
  now = Date.now(),
): HttpSession | undefined {
  const sealed = parse(request.headers.cookie ?? "")[NAME];
  const words = sealed === undefined ? undefined : guests.unseal(sealed);
  if (words === undefined) return undefined;
  const session = objectOf(words);
  if (!isSession(session) || (session.endsAt !== undefined && session.endsAt <= now)) return undefined;
  // Another version may have stored a handle that this one does not accept.
  return { ...session, handle: handleFrom(session.handle) ?? guestHandle(session.user) };
}

/**
 * The Set-Cookie header that opens a session; undefined while no secret is known.
 * `secure`: whether the browser came by https.
 */
export function sessionCookie(
  session: HttpSession,
  guests: Guests,
  secure: boolean,
  now = Date.now(),
): string | undefined {
  const sealed = guests.seal(JSON.stringify(session));
  if (sealed === undefined) return undefined;
  const { endsAt } = session;
  const left = endsAt === undefined ? MAX_AGE_SECONDS : Math.ceil((endsAt - now) / 1000);
  return serialize(NAME, sealed, {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure,
    maxAge: Math.max(0, Math.min(left, MAX_AGE_SECONDS)),
  });
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
