import { createHash, createHmac } from "node:crypto";
import { type JWTPayload, jwtVerify } from "jose";
import { INVALID_TOKEN, type SiteTokens, type SiteUser } from "../chat/identity.ts";
import { failure, type Result, success } from "../chat/result.ts";
import type { Logger } from "../logging/logger.ts";
import { KeysUnavailable, nameOf, SiteKeys } from "./site-keys.ts";

/** The settings that say whose tokens are accepted. */
export interface SiteTokenOptions {
  /** HMAC key of the site; undefined = none. */
  readonly tokenSecret: string | undefined;
  /** Where the site publishes its public keys; undefined = nowhere. */
  readonly tokenJwksUrl: string | undefined;
  readonly tokenRequired: boolean;
}

/** With a shared secret only keyed hashes; a public key must never be taken for one. */
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

/** How far the site's clock may be off, seconds. */
const CLOCK_TOLERANCE = 5;

/** A site's own user ids that are used as they are. */
const PLAIN_SUBJECT = /^[A-Za-z0-9_-]{1,62}$/;

/** The checker of the site's tokens, or undefined where none are accepted. */
export function siteTokens(options: SiteTokenOptions, logger: Logger): SiteTokens | undefined {
  const checks = checksFor(options, logger);
  if (checks.length === 0) return undefined;
  return {
    required: options.tokenRequired,
    verify: (token) => verify(token, checks),
    holdsKey: (key) => holdsKey(key, checks),
  };
}

/** The claims that are looked at. Only `exp` is known to be of its type. */
type Claims = Pick<JWTPayload, "exp"> & { readonly sub?: unknown; readonly name?: unknown };

/** One kind of keys that a site may have. */
interface Check {
  /** Returns the claims of a token and the name of the key that signed it; rejects where the token is not valid. */
  readonly verify: (token: string) => Promise<{ readonly claims: Claims; readonly key: string }>;
  /** As `SiteTokens.holdsKey`. */
  readonly holdsKey: (key: string) => Promise<boolean | undefined>;
}

function checksFor({ tokenSecret, tokenJwksUrl }: SiteTokenOptions, logger: Logger): Check[] {
  const checks: Check[] = [];
  if (tokenSecret !== undefined) {
    const secret = new TextEncoder().encode(tokenSecret);
    const key = `secret ${createHmac("sha256", tokenSecret).update("name of this secret").digest("base64url")}`;
    const options = { algorithms: SECRET_ALGORITHMS, clockTolerance: CLOCK_TOLERANCE };
    checks.push({
      verify: async (token) => ({ claims: (await jwtVerify(token, secret, options)).payload, key }),
      holdsKey: async (name) => name === key,
    });
  }
  if (tokenJwksUrl !== undefined) {
    const keys = new SiteKeys(new URL(tokenJwksUrl), logger);
    const options = { algorithms: KEY_ALGORITHMS, clockTolerance: CLOCK_TOLERANCE };
    checks.push({
      verify: async (token) => {
        const { payload, key } = await jwtVerify(token, keys.find, options);
        return { claims: payload, key: `key ${await nameOf(key)}` };
      },
      holdsKey: async (name) => name.startsWith("key ") && keys.holds(name.slice("key ".length)),
    });
  }
  return checks;
}

const UNAVAILABLE = failure({
  code: "unavailable",
  message: "The token cannot be checked now, because the keys of its site cannot be fetched; try again.",
} as const);

async function verify(token: string, checks: readonly Check[]): Promise<Result<SiteUser>> {
  let refusal: Result<never> = INVALID_TOKEN;
  for (const check of checks) {
    try {
      const { claims, key } = await check.verify(token);
      const user = userOf(claims, key);
      if (user !== undefined) return success(user);
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

/** The latest time that a Date holds, ms since 1970 UTC; a token that ends later ends then. */
const LATEST_MS = 8.64e15;

function userOf({ sub, name, exp }: Claims, key: string): SiteUser | undefined {
  // Not as the standard says (RFC 7519, section 4.1.2), and what many sites send: the number of a database's row.
  const subject = Number.isSafeInteger(sub) ? String(sub) : sub;
  if (typeof subject !== "string" || subject === "") return undefined;
  return {
    user: PLAIN_SUBJECT.test(subject) ? `s-${subject}` : `s_${digestOf(subject)}`,
    handle: typeof name === "string" ? name : undefined,
    expiresAt: exp === undefined ? undefined : Math.min(Math.floor(exp * 1000), LATEST_MS),
    siteKey: key,
  };
}

function digestOf(subject: string): string {
  // Encoded as UTF-8, all half surrogates would be the same character, and two users one.
  const text = subject.isWellFormed() ? subject : JSON.stringify(subject);
  return createHash("sha256").update(text).digest("base64url");
}
