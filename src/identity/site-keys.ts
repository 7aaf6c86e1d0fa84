import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  exportJWK,
  type JWTVerifyGetKey,
  type ResolvedKey,
} from "jose";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";

/** Thrown when the site's keys cannot be fetched, so that a token cannot be checked. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/**
 * Milliseconds after a failed fetch before the next one, so that a flood of tokens causes no flood of
 * requests.
 */
const PAUSE_MS = 1_000;

/** The state after a failed fetch. */
interface Outage {
  readonly endsAt: number;
  readonly reason: string;
  /** Finds a key among those that were fetched before; undefined if none were. */
  readonly known: JWTVerifyGetKey | undefined;
}

/**
 * The keys that the site publishes. They are fetched when they are first needed, again after ten minutes, and
 * when a key is not among them.
 */
export class SiteKeys {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #throttled: ThrottledLogger;
  /** The last outage; undefined if the last fetch succeeded. */
  #outage: Outage | undefined;
  /** The names of the keys that were fetched last, and those keys as JSON. */
  #named: { readonly json: string; readonly names: Promise<ReadonlySet<string>> } | undefined;

  constructor(url: URL, logger: Logger) {
    this.#keys = createRemoteJWKSet(url);
    this.#throttled = new ThrottledLogger(logger);
  }

  /**
   * Finds the key of a token. While the keys cannot be fetched, known ones still work; for every other key
   * this rejects with KeysUnavailable, because the token may be valid.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#outage !== undefined && performance.now() < this.#outage.endsAt)
      return keyIn(this.#outage, header, token);
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      return keyIn(this.#fail(error), header, token);
    }
  };

  /**
   * Returns whether the site still publishes the key of that name (`nameOf`), as of ten minutes ago at most;
   * undefined if the keys cannot be fetched. Never rejects.
   */
  async holds(name: string): Promise<boolean | undefined> {
    const known = await this.#names();
    if (known?.has(name) === true) {
      if (!this.#keys.fresh) void this.#fetch();
      return true;
    }
    // Another process may have seen a newer key.
    if (known !== undefined && this.#keys.coolingDown) return false;
    if (!(await this.#fetch())) return undefined;
    return (await this.#names())?.has(name);
  }

  /** Fetches the keys. Returns whether that succeeded. */
  async #fetch(): Promise<boolean> {
    if (this.#outage !== undefined && performance.now() < this.#outage.endsAt) return false;
    try {
      await this.#keys.reload();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error: unknown): Outage {
    const reason = error instanceof Error ? error.message : String(error);
    this.#throttled.log("warn", "the keys of the site cannot be fetched", { event: "token-keys", reason });
    const jwks = this.#keys.jwks();
    const known = jwks === undefined ? undefined : createLocalJWKSet(jwks);
    this.#outage = { endsAt: performance.now() + PAUSE_MS, reason, known };
    return this.#outage;
  }

  #names(): Promise<ReadonlySet<string>> | undefined {
    const known = this.#keys.jwks();
    if (known === undefined) return undefined;
    const json = JSON.stringify(known);
    if (this.#named?.json !== json) this.#named = { json, names: namesOf(known.keys) };
    return this.#named.names;
  }
}

/**
 * Returns the name of a public key, its thumbprint (RFC 7638): a key that replaces another one with the same
 * `kid` has another name.
 */
export async function nameOf(key: ResolvedKey["key"]): Promise<string> {
  return calculateJwkThumbprint(await exportJWK(key));
}

/** Returns the names of keys. A key without a thumbprint verifies no token, and is left out. */
async function namesOf(keys: readonly Parameters<typeof calculateJwkThumbprint>[0][]): Promise<Set<string>> {
  const names = await Promise.all(keys.map((key) => calculateJwkThumbprint(key).catch(() => undefined)));
  return new Set(names.filter((name) => name !== undefined));
}

/** Finds a key during an outage. Rejects with KeysUnavailable for one that was not known before. */
async function keyIn({ known, reason }: Outage, ...asked: Parameters<JWTVerifyGetKey>) {
  if (known === undefined) throw new KeysUnavailable(reason);
  try {
    return await known(...asked);
  } catch (error) {
    throw error instanceof errors.JWKSNoMatchingKey ? new KeysUnavailable(reason) : error;
  }
}

/** Returns whether an error means that the token does not fit the fetched keys. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
