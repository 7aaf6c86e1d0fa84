import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { Complaints } from "../complaints.ts";
import type { Logger } from "../logger.ts";

/** The site's keys cannot be fetched, so nothing can be said about a token. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/**
 * Returns a function that finds the key of a token among those that the site publishes. They are fetched when they are first needed,
 * again after ten minutes, and for a token of a key that is not known. While they cannot be fetched, those that are known go on; for
 * every other key the function rejects with KeysUnavailable: an outage says nothing about a token.
 */
export function siteKeys(url: URL, logger: Logger): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url);
  const complaints = new Complaints(logger);
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      complaints.add("warn", "the keys of the site cannot be fetched", { event: "token-keys", reason });
      const known = keys.jwks();
      if (known === undefined) throw new KeysUnavailable(reason);
      return createLocalJWKSet(known)(header, token).catch((missing: unknown) => {
        throw missing instanceof errors.JWKSNoMatchingKey ? new KeysUnavailable(reason) : missing;
      });
    }
  };
}

/** Whether the keys were there, and the token does not fit them. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
