import type { IncomingMessage } from "node:http";
import { serialize } from "cookie";
import { guestHandle } from "../../chat/guests.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import { objectOf } from "../../chat/room/checked-entry.ts";
import type { SiteTokens } from "../../chat/site-token.ts";
import { handleFrom } from "../../chat/text/handle.ts";
import type { ChatCookies } from "./chat-cookies.ts";

/** Of a guest's session, which has no end of its own, seconds: a year. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

/** How long a session lasts that a site's token opened, ms, where the token does not end before: a day. Only a token opens another one. */
const SITE_SESSION_MS = 24 * 60 * 60 * 1000;

/** Who a browser is over HTTP; opened by `POST /api/session`. */
export interface HttpSession {
  readonly user: string;
  readonly handle: string;
  /** When it ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt?: number;
  /** Whether a token of the embedding site opened it. */
  readonly site: boolean;
  /** The key that signed that token (`SiteUser.siteKey`), with which the session ends; undefined = a guest's session. */
  readonly siteKey?: string;
}

const ENDED = failure({
  code: "unauthorized",
  message: "The session has ended; open another one with a token of the site.",
} as const);

const UNDECIDED = failure({
  code: "unavailable",
  message: "The session cannot be checked now, because the keys of its site cannot be fetched; try again.",
} as const);

/** Returns when a session ends that a site's token opens now, ms since 1970 UTC. `tokenEndsAt`: undefined = the token never does. */
export function siteSessionEnd(tokenEndsAt: number | undefined, now = Date.now()): number {
  return Math.min(tokenEndsAt ?? Number.POSITIVE_INFINITY, now + SITE_SESSION_MS);
}

/**
 * Returns the session in a request's cookie; undefined where there is none, or it was not opened here. Fails with `unauthorized` where a
 * site's token opened it, and it has ended, or the site's key that signed the token is none any more: its user is not taken for a guest.
 * Fails with `unavailable` where that cannot be told. Never rejects.
 */
export async function sessionOf(
  request: IncomingMessage,
  cookies: ChatCookies,
  siteTokens: SiteTokens | undefined,
  now = Date.now(),
): Promise<Result<HttpSession | undefined>> {
  let refusal: Result<undefined> = success(undefined);
  for (const sealed of cookies.valuesOf("session", request)) {
    const words = cookies.guests.unseal(sealed);
    const session = words === undefined ? undefined : sessionIn(words);
    if (session === undefined) continue;
    if (!session.site) return success(session);
    const holds = await siteSessionHolds(session, siteTokens, now);
    if (holds === true) return success(session);
    refusal = holds === undefined ? UNDECIDED : ENDED;
  }
  return refusal;
}

/** Undefined where that cannot be told. A session of a version before this one has no key, and does not hold. */
async function siteSessionHolds(
  { endsAt, siteKey }: HttpSession,
  siteTokens: SiteTokens | undefined,
  now: number,
): Promise<boolean | undefined> {
  if (siteKey === undefined || endsAt === undefined || endsAt <= now) return false;
  return siteTokens === undefined ? false : siteTokens.holdsKey(siteKey);
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
    (!("endsAt" in value) || typeof value.endsAt === "number") &&
    (!("siteKey" in value) || typeof value.siteKey === "string")
  );
}
