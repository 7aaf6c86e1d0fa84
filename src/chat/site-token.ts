import { failure, type Result } from "./result.ts";

/** Whom the embedding site says a client is. */
export interface SiteUser {
  /** User id: 1 to 64 of `A-Z a-z 0-9 _ -`; never one that a guest can have. */
  readonly user: string;
  /** The name the site gives them, not yet checked. */
  readonly handle: string | undefined;
  /** When the token ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt: number | undefined;
  /** A public name of the key that signed the token: what is made of the token ends with the key. */
  readonly siteKey: string;
}

/** A token that names nobody now. */
export const INVALID_TOKEN = failure({
  code: "unauthorized",
  message: "The token is not valid, or no longer.",
} as const);

/** Checks the tokens of the embedding site. */
export interface SiteTokens {
  /** Whether nobody may come without one. */
  readonly required: boolean;
  /**
   * Returns who the token names. Fails with `unauthorized` where it is not valid now, and with `unavailable` where that cannot be
   * told, because the site's keys cannot be fetched. Never rejects.
   */
  verify(token: string): Promise<Result<SiteUser>>;
  /**
   * Returns whether tokens of the key of that name are still accepted; undefined where that cannot be told, because the site's keys
   * cannot be fetched. Never rejects.
   */
  holdsKey(key: string): Promise<boolean | undefined>;
}
