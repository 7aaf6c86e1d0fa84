import type { IncomingMessage } from "node:http";
import { serialize } from "cookie";
import {
  guestIdentity,
  type Identity,
  SIGNED_OUT,
  type SignOuts,
  type SiteTokens,
} from "../../chat/identity.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import { readRoomRights } from "../../chat/rights/room-rights.ts";
import { objectOf } from "../../chat/room/checked-entry.ts";
import { handleFrom } from "../../chat/text/handle.ts";
import type { Right } from "../../protocol/rights.ts";
import type { ChatCookies } from "./chat-cookies.ts";

/** Lifetime of the cookie of a guest's session, which does not end by itself: a year. */
const MAX_AGE_SECONDS = 365 * 24 * 60 * 60;

/**
 * Longest session that a site's token opens, ms: a day, or less if the token ends before. Only a token opens
 * another session.
 */
const SITE_SESSION_MS = 24 * 60 * 60 * 1000;

/** Bytes of a cookie with its name and attributes that every browser keeps (RFC 6265, section 6.1). */
const COOKIE_BYTES = 4_096;

/** The token's rights do not fit into a cookie. */
export const TOO_MANY_RIGHTS = failure({
  code: "bad-request",
  message:
    "The token names more rooms than a cookie can hold; send it with each request: Authorization: Bearer <token>.",
} as const);

/** The content of a session's cookie. */
interface SessionFields {
  readonly user: string;
  readonly handle: string;
  /** Whether a token of the embedding site opened it. */
  readonly site: boolean;
  /** `Identity.issuedAt`. */
  readonly issuedAt?: number;
  /** `Identity.expiresAt`. */
  readonly endsAt?: number;
  /** `Identity.siteKey`. */
  readonly siteKey?: string;
  /** `Identity.hasFixedHandle`. */
  readonly isNamed?: boolean;
  /** `Identity.rooms` of a user of the site; null = the token names none. */
  readonly rooms?: Readonly<Record<string, Right>> | null;
}

const ENDED = failure({
  code: "unauthorized",
  message: "The session has ended; open another one with a token of the site.",
} as const);

const UNDECIDED = failure({
  code: "unavailable",
  message: "The session cannot be checked now, because the keys of its site cannot be fetched; try again.",
} as const);

/**
 * Returns when a session ends that a site's token opens now, ms since 1970 UTC.
 * @param tokenEndsAt undefined = the token does not end.
 */
export function siteSessionEnd(tokenEndsAt: number | undefined, now = Date.now()): number {
  return Math.min(tokenEndsAt ?? Number.POSITIVE_INFINITY, now + SITE_SESSION_MS);
}

/** What a session that a site's token opened is checked against. */
export interface SessionChecks {
  readonly siteTokens: SiteTokens | undefined;
  readonly globalRules: SignOuts;
}

/**
 * Returns the user of the session in a request's cookie, which `POST /api/session` set; undefined if there is
 * none, or none signed by this chat. For a session that a site's token opened, fails with `unauthorized` if
 * it has ended, its user was signed out, or the site has withdrawn the key that signed the token: its user is
 * not taken for a guest; fails with `unavailable` if the site's keys cannot be fetched. Never rejects.
 */
export async function sessionOf(
  request: IncomingMessage,
  cookies: ChatCookies,
  { siteTokens, globalRules }: SessionChecks,
  now = Date.now(),
): Promise<Result<Identity | undefined>> {
  let refusal: Result<undefined> = success(undefined);
  for (const signed of cookies.valuesOf("session", request)) {
    const text = cookies.guests.verify(signed);
    const session = text === undefined ? undefined : sessionIn(text);
    if (session === undefined) continue;
    if (session.kind === "guest") return success(session);
    if (globalRules.isSignedOut(session)) {
      refusal = SIGNED_OUT;
      continue;
    }
    const holds = await siteSessionHolds(session, siteTokens, now);
    if (holds === true) return success(session);
    refusal = holds === undefined ? UNDECIDED : ENDED;
  }
  return refusal;
}

/**
 * Returns whether a site's session is still valid; undefined if the site's keys cannot be fetched. A session
 * of an older version has no key and is not valid.
 */
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
  const { user, site, issuedAt, endsAt, siteKey, rooms, isNamed = false } = fields;
  // Another version may have stored a handle that this one does not accept.
  const guest = guestIdentity(user, handleFrom(fields.handle));
  if (!site) return guest;
  const rights = rooms === null ? undefined : readRoomRights(rooms);
  // A version without rights set the cookie: what its token allowed is not known, so the session has ended.
  if (rooms !== null && rights === undefined) return { ...guest, kind: "site" };
  const named = { hasFixedHandle: isNamed, rooms: rights };
  return { ...guest, ...named, kind: "site", issuedAt, expiresAt: endsAt, siteKey };
}

/**
 * Returns the Set-Cookie headers that open a session; none while no secret is known. Fails if the user has
 * more rights than a cookie can hold.
 * @param secure whether the request came by https.
 */
export function sessionCookies(
  { user, handle, hasFixedHandle, kind, rooms, issuedAt, expiresAt, siteKey }: Identity,
  request: IncomingMessage,
  cookies: ChatCookies,
  secure: boolean,
  now = Date.now(),
): Result<string[], typeof TOO_MANY_RIGHTS.error> {
  const { guests } = cookies;
  const fields: SessionFields = {
    user,
    handle,
    site: kind === "site",
    ...(hasFixedHandle ? { isNamed: true } : {}),
    ...(kind === "site" ? { rooms: rooms === undefined ? null : Object.fromEntries(rooms.entries) } : {}),
    ...(siteKey === undefined ? {} : { siteKey }),
    ...(issuedAt === undefined ? {} : { issuedAt }),
    ...(expiresAt === undefined ? {} : { endsAt: expiresAt }),
  };
  const signed = guests.sign(JSON.stringify(fields));
  if (signed === undefined) return success([]);
  const left = expiresAt === undefined ? MAX_AGE_SECONDS : Math.ceil((expiresAt - now) / 1000);
  const maxAge = Math.max(0, Math.min(left, MAX_AGE_SECONDS));
  const options = { path: "/", httpOnly: true, sameSite: "lax", secure, maxAge } as const;
  const names = cookies.namesFor("session", request, (value) => guests.verify(value) !== undefined);
  const headers = names.map((name) => serialize(name, signed, options));
  return headers.some((header) => header.length > COOKIE_BYTES) ? TOO_MANY_RIGHTS : success(headers);
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
    (!("issuedAt" in value) || typeof value.issuedAt === "number") &&
    (!("endsAt" in value) || typeof value.endsAt === "number") &&
    (!("siteKey" in value) || typeof value.siteKey === "string") &&
    (!("isNamed" in value) || typeof value.isNamed === "boolean") &&
    (!("rooms" in value) || typeof value.rooms === "object")
  );
}
