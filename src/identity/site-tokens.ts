import { createHash, createHmac } from "node:crypto";
import { type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { INVALID_TOKEN, type SiteTokens, type SiteUser } from "../chat/identity.ts";
import { failure, type Result, success } from "../chat/result.ts";
import type { RightSettings } from "../chat/rights/rights.ts";
import { readRoomRights } from "../chat/rights/room-rights.ts";
import type { Logger } from "../logging/logger.ts";
import { KeysUnavailable, nameOf, SiteKeys } from "./site-keys.ts";

/** The settings that say whose tokens are accepted. */
export interface SiteTokenOptions {
  /** HMAC key of the site; undefined if there is none. */
  readonly tokenSecret: readonly string[] | undefined;
  /** URL at which the site publishes its public keys; undefined if it does not. */
  readonly tokenJwksUrl: string | undefined;
  /** What the claim `iss` must be; undefined = it is not checked. */
  readonly tokenIssuer?: string | undefined;
  /** What the claim `aud` must be or contain; undefined = it is not checked. */
  readonly tokenAudience?: string | undefined;
  readonly tokenRequired: boolean;
  /** `none` rejects guests too, as `tokenRequired` does. */
  readonly guests?: RightSettings["guests"];
}

/**
 * Algorithms for the shared secret: keyed hashes only, because a public key must never be used as a secret.
 */
const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
const KEY_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

/** Seconds by which the site's clock may be off. */
const CLOCK_TOLERANCE = 5;

/** User ids of a site that are used unchanged. */
const PLAIN_SUBJECT = /^[A-Za-z0-9_-]{1,62}$/;

/**
 * Returns the checker of the site's tokens; undefined if none are accepted and guests are. It accepts none
 * if the site has no key: then its users are those of its own session.
 */
export function siteTokens(options: SiteTokenOptions, logger: Logger): SiteTokens | undefined {
  const checks = checksFor(options, logger);
  const required = options.tokenRequired || options.guests === "none";
  if (checks.length === 0 && !required) return undefined;
  return {
    required,
    verify: (token) => verify(token, checks),
    holdsKey: (key) => holdsKey(key, checks),
  };
}

/** The claims that are read. Only `exp` and `iat` have checked types. */
type Claims = Pick<JWTPayload, "exp" | "iat"> & {
  readonly sub?: unknown;
  readonly name?: unknown;
  readonly rooms?: unknown;
};

/** The check for one kind of keys that a site may have. */
interface Check {
  /**
   * Returns the claims of a token and the name of the key that signed it; rejects if the token is invalid.
   */
  readonly verify: (token: string) => Promise<{ readonly claims: Claims; readonly key: string }>;
  /** See `SiteTokens.holdsKey`. */
  readonly holdsKey: (key: string) => Promise<boolean | undefined>;
}

function checksFor(options: SiteTokenOptions, logger: Logger): Check[] {
  const { tokenSecret = [], tokenJwksUrl, tokenIssuer, tokenAudience } = options;
  const claims = {
    clockTolerance: CLOCK_TOLERANCE,
    ...(tokenIssuer === undefined ? {} : { issuer: tokenIssuer }),
    ...(tokenAudience === undefined ? {} : { audience: tokenAudience }),
  };
  const checks: Check[] = tokenSecret.map((secret) => checkBySecret(secret, claims));
  if (tokenJwksUrl === undefined) return checks;
  if (tokenAudience === undefined) logger.warn({ event: "token-audience" }, NO_AUDIENCE);
  return [...checks, checkByKeys(new SiteKeys(new URL(tokenJwksUrl), logger), claims)];
}

const NO_AUDIENCE =
  "TOKEN_JWKS_URL without TOKEN_AUDIENCE: a token that the same sign-in service issued for another app is accepted";

function checkBySecret(tokenSecret: string, claims: JWTVerifyOptions): Check {
  const secret = new TextEncoder().encode(tokenSecret);
  const key = `secret ${createHmac("sha256", tokenSecret).update("name of this secret").digest("base64url")}`;
  const options = { ...claims, algorithms: SECRET_ALGORITHMS };
  return {
    verify: async (token) => ({ claims: (await jwtVerify(token, secret, options)).payload, key }),
    holdsKey: async (name) => name === key,
  };
}

function checkByKeys(keys: SiteKeys, claims: JWTVerifyOptions): Check {
  const options = { ...claims, algorithms: KEY_ALGORITHMS };
  return {
    verify: async (token) => {
      const { payload, key } = await jwtVerify(token, keys.find, options);
      return { claims: payload, key: `key ${await nameOf(key)}` };
    },
    holdsKey: async (name) => name.startsWith("key ") && keys.holds(name.slice("key ".length)),
  };
}

const UNAVAILABLE = failure({
  code: "unavailable",
  message: "The token cannot be checked now, because the keys of its site cannot be fetched; try again.",
} as const);

const BAD_RIGHTS = failure({
  code: "unauthorized",
  message:
    'The claim "rooms" of the token is not an object of rooms and rights, such as {"team-*":"write"}; rights are none, read, write and moderate.',
} as const);

async function verify(token: string, checks: readonly Check[]): Promise<Result<SiteUser>> {
  let refusal: Result<never> = INVALID_TOKEN;
  for (const check of checks) {
    try {
      const { claims, key } = await check.verify(token);
      const rooms = claims.rooms === undefined ? undefined : readRoomRights(claims.rooms);
      if (claims.rooms !== undefined && rooms === undefined) return BAD_RIGHTS;
      const user = userOf(claims, key);
      if (user !== undefined) return success({ ...user, rooms });
    } catch (error) {
      if (error instanceof KeysUnavailable) refusal = UNAVAILABLE;
    }
  }
  return refusal;
}

async function holdsKey(key: string, checks: readonly Check[]): Promise<boolean | undefined> {
  const answers = await Promise.all(checks.map((check) => check.holdsKey(key)));
  return answers.includes(true) || (answers.includes(undefined) ? undefined : false);
}

/** The latest time that a Date can hold, ms since 1970 UTC; a token that expires later expires then. */
const LATEST_MS = 8.64e15;

function userOf({ sub, name, exp, iat }: Claims, key: string): Omit<SiteUser, "rooms"> | undefined {
  const user = siteUserId(sub);
  if (user === undefined) return undefined;
  return {
    user,
    handle: typeof name === "string" ? name : undefined,
    issuedAt: issuedAtIn(iat),
    expiresAt: exp === undefined ? undefined : Math.min(Math.floor(exp * 1000), LATEST_MS),
    siteKey: key,
  };
}

/** Returns the user id of a user of the site; undefined if `subject` is not the site's id of a user. */
export function siteUserId(subject: unknown): string | undefined {
  // A number is not what the standard says (RFC 7519, section 4.1.2), but many sites send one: the number of
  // a database row.
  const id = Number.isSafeInteger(subject) ? String(subject) : subject;
  if (typeof id !== "string" || id === "") return undefined;
  return PLAIN_SUBJECT.test(id) ? `s-${id}` : `s_${digestOf(id)}`;
}

/**
 * Returns when a token was issued; undefined if it does not say, or names a time to come: a token that is ahead of
 * its time, or counts in ms, would be newer than every sign-out.
 */
function issuedAtIn(iat: number | undefined): number | undefined {
  if (iat === undefined) return undefined;
  const issuedAt = Math.floor(iat * 1000);
  const now = Date.now();
  return issuedAt > now + CLOCK_TOLERANCE * 1000 ? undefined : Math.min(issuedAt, now);
}

function digestOf(subject: string): string {
  // In UTF-8 all lone surrogates would be the same character, and two users would have one id.
  const text = subject.isWellFormed() ? subject : JSON.stringify(subject);
  return createHash("sha256").update(text).digest("base64url");
}
