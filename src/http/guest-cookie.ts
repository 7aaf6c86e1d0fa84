import type { IncomingMessage } from "node:http";
import { parse, serialize } from "cookie";
import type { Guests } from "../chat/guests.ts";

const NAME = "dynochat";

/** A year; renewed at every visit. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

const SECURE = attributes(true);
const PLAIN = attributes(false);

/** The user id in a request's cookie, or undefined. */
export function guestOf(request: IncomingMessage, guests: Guests): string | undefined {
  const token = parse(request.headers.cookie ?? "")[NAME];
  return token === undefined ? undefined : guests.recognise(token);
}

/**
 * The Set-Cookie header that makes a browser the same guest next time; undefined while no secret is known.
 * `secure`: whether the browser came by https.
 */
export function guestCookie(user: string, guests: Guests, secure: boolean): string | undefined {
  const token = guests.tokenFor(user);
  if (token === undefined) return undefined;
  return `${NAME}=${token}${secure ? SECURE : PLAIN}`;
}

/** What stands behind the value; made once, because every upgrade needs it. Nothing in a token needs escaping. */
function attributes(secure: boolean): string {
  const cookie = serialize(NAME, "", {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure,
    maxAge: MAX_AGE_SECONDS,
  });
  return cookie.slice(`${NAME}=`.length);
}
