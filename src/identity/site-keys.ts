import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { Complaints } from "../complaints.ts";
import type { Logger } from "../logger.ts";

/** The site's keys cannot be fetched, so nothing can be said about a token. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/** How long the keys are not asked for again after they could not be fetched, ms: a flood of tokens must not be one of requests. */
const PAUSE_MS = 1_000;

/** The time after a failed fetch. */
interface Outage {
  readonly endsAt: number;
  readonly reason: string;
  /** Finds a key among those that were fetched before; undefined = none were. */
  readonly known: JWTVerifyGetKey | undefined;
}

/**
 * Returns a function that finds the key of a token among those that the site publishes. They are fetched when they are first needed,
 * again after ten minutes, and for a token of a key that is not known. While they cannot be fetched, those that are known go on; for
 * every other key the function rejects with KeysUnavailable: an outage says nothing about a token.
 */
export function siteKeys(url: URL, logger: Logger): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url);
  const complaints = new Complaints(logger);
  let outage: Outage | undefined;
  return async (header, token) => {
    if (outage !== undefined && performance.now() < outage.endsAt) return keyIn(outage, header, token);
    try {
      return await keys(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      complaints.add("warn", "the keys of the site cannot be fetched", { event: "token-keys", reason });
      const jwks = keys.jwks();
      const known = jwks === undefined ? undefined : createLocalJWKSet(jwks);
      outage = { endsAt: performance.now() + PAUSE_MS, reason, known };
      return keyIn(outage, header, token);
    }
  };
}

/** Rejects with KeysUnavailable for a key that was not known before the outage. */
async function keyIn({ known, reason }: Outage, ...asked: Parameters<JWTVerifyGetKey>) {
  if (known === undefined) throw new KeysUnavailable(reason);
  try {
    return await known(...asked);
  } catch (error) {
    throw error instanceof errors.JWKSNoMatchingKey ? new KeysUnavailable(reason) : error;
  }
}

/** Whether the keys were there, and the token does not fit them. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
