/** Whom the embedding site says a client is. */
export interface SiteUser {
  /** User id: 1 to 64 of `A-Z a-z 0-9 _ -`; never one that a guest can have. */
  readonly user: string;
  /** The name the site gives them, not yet checked. */
  readonly handle: string | undefined;
  /** When the token ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt: number | undefined;
}

/** Checks the tokens of the embedding site. */
export interface SiteTokens {
  /** Whether nobody may come without one. */
  readonly required: boolean;
  /** Who the token names, or undefined if it is not valid now. Never rejects. */
  verify(token: string): Promise<SiteUser | undefined>;
}
