import type { IncomingMessage } from "node:http";
import { serialize } from "cookie";
import { guestIdentity, type Identity, type SiteTokens } from "../../chat/identity.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import { objectOf } from "../../chat/room/checked-entry.ts";
import { handleFrom } from "../../chat/text/handle.ts";
import type { ChatCookies } from "./chat-cookies.ts";

/** Of a guest's session, which has no end of its own, seconds: a year. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

/** How long a session lasts that a site's token opened, ms, where the token does not end before: a day. Only a token opens another one. */
const SITE_SESSION_MS = 24 * 60 * 60 * 1000;

/** What the cookie of a session holds. */
interface SessionFields {
  readonly user: string;
  readonly handle: string;
  /** Whether a token of the embedding site opened it. */
  readonly site: boolean;
  /** `Identity.expiresAt`. */
  readonly endsAt?: number;
  /** `Identity.siteKey`. */
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
 * Returns who opened the session in a request's cookie by `POST /api/session`; undefined where there is none, or it was not opened here. Fails with `unauthorized` where a
 * site's token opened it, and it has ended, or the site's key that signed the token is none any more: its user is not taken for a guest.
 * Fails with `unavailable` where that cannot be told. Never rejects.
 */
export async function sessionOf(
  request: IncomingMessage,
  cookies: ChatCookies,
  siteTokens: SiteTokens | undefined,
  now = Date.now(),
): Promise<Result<Identity | undefined>> {
  let refusal: Result<undefined> = success(undefined);
  for (const sealed of cookies.valuesOf("session", request)) {
    const words = cookies.guests.unseal(sealed);
    const session = words === undefined ? undefined : sessionIn(words);
    if (session === undefined) continue;
    if (session.kind === "guest") return success(session);
    const holds = await siteSessionHolds(session, siteTokens, now);
    if (holds === true) return success(session);
    refusal = holds === undefined ? UNDECIDED : ENDED;
  }
  return refusal;
}

/** Undefined where that cannot be told. A session of a version before this one has no key, and does not hold. */
async function siteSessionHolds(
  { expiresAt, siteKey }: Identity,
  siteTokens: SiteTokens | undefined,
  now: number,
): Promise<boolean | undefined> {
  if (siteKey === undefined || expiresAt === undefined || expiresAt <= now) return false;
  return siteTokens === undefined ? false : siteTokens.holdsKey(siteKey);
}

function sessionIn(text: string): Identity | undefined {
  const fields = objectOf(text);
  if (!isSession(fields)) return undefined;
  const { user, site, endsAt, siteKey } = fields;
  // Another version may have stored a handle that this one does not accept.
  const guest = guestIdentity(user, handleFrom(fields.handle));
  return { ...guest, kind: site ? "site" : "guest", expiresAt: endsAt, siteKey };
}

/**
 * Returns the Set-Cookie headers that open a session; none while no secret is known.
 * `secure`: whether the browser came by https.
 */
export function sessionCookies(
  { user, handle, kind, expiresAt, siteKey }: Identity,
  request: IncomingMessage,
  cookies: ChatCookies,
  secure: boolean,
  now = Date.now(),
): string[] {
  const { guests } = cookies;
  const fields: SessionFields = {
    user,
    handle,
    site: kind === "site",
    ...(siteKey === undefined ? {} : { siteKey }),
    ...(expiresAt === undefined ? {} : { endsAt: expiresAt }),
  };
  const sealed = guests.seal(JSON.stringify(fields));
  if (sealed === undefined) return [];
  const left = expiresAt === undefined ? MAX_AGE_SECONDS : Math.ceil((expiresAt - now) / 1000);
  const maxAge = Math.max(0, Math.min(left, MAX_AGE_SECONDS));
  const options = { path: "/", httpOnly: true, sameSite: "lax", secure, maxAge } as const;
  const names = cookies.namesFor("session", request, (value) => guests.unseal(value) !== undefined);
  return names.map((name) => serialize(name, sealed, options));
}

function isSession(value: unknown): value is SessionFields {
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
