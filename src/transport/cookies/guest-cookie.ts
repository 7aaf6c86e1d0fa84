import type { IncomingMessage } from "node:http";
import { serialize } from "cookie";
import type { ChatCookies } from "./chat-cookies.ts";

/** Lifetime of the cookie: a year; renewed each time the page is opened. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

const SECURE = attributes(true);
const PLAIN = attributes(false);

/** Returns the user id of the guest in a request's cookies; undefined if there is none. */
export function guestOf(request: IncomingMessage, cookies: ChatCookies): string | undefined {
  for (const token of cookies.valuesOf("guest", request)) {
    const user = cookies.guests.recognise(token);
    if (user !== undefined) return user;
  }
  return undefined;
}

/**
 * Returns the Set-Cookie headers that make a browser the same guest next time; none while no secret is known.
 * @param secure whether the request came by https.
 */
export function guestCookies(
  user: string,
  request: IncomingMessage,
  cookies: ChatCookies,
  secure: boolean,
): string[] {
  const { guests } = cookies;
  const token = guests.tokenFor(user);
  if (token === undefined) return [];
  const names = cookies.namesFor("guest", request, (value) => guests.recognise(value) !== undefined);
  return names.map((name) => `${name}=${token}${secure ? SECURE : PLAIN}`);
}

/**
 * Returns the part of the header after the value; computed once, because every upgrade needs it. A token
 * needs no escaping.
 */
function attributes(secure: boolean): string {
  const options = { path: "/", httpOnly: true, sameSite: "lax", secure, maxAge: MAX_AGE_SECONDS } as const;
  return serialize("x", "", options).slice("x=".length);
}
