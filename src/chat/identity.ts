import { type Guests, guestHandle } from "./guests.ts";
import { failure, type Result, success } from "./result.ts";
import { handleFrom } from "./text/handle.ts";

/**
 * How a user is known: anybody is a guest, as often as they like; the embedding site says who its users are; a program has a key
 * of API_KEYS.
 */
export type UserKind = "guest" | "site" | "program";

/** A user as the server knows them, alike for sockets, event streams and HTTP requests. */
export interface Identity {
  /** User id: 1 to 64 of `A-Z a-z 0-9 _ -`. No two kinds of users have the same. */
  readonly user: string;
  /** The handle that they want; a room may add a suffix. */
  readonly handle: string;
  readonly kind: UserKind;
  /** When they must say again who they are, ms since 1970 UTC; undefined = never. */
  readonly expiresAt: number | undefined;
  /** A public name of the site's key that signed their token: what is made of the token ends with the key. Undefined = no token. */
  readonly siteKey: string | undefined;
}

/** Returns the identity of the guest with that user id; `handle`: undefined = the one made of the id. */
export function guestIdentity(user: string, handle = guestHandle(user)): Identity {
  return { user, handle, kind: "guest", expiresAt: undefined, siteKey: undefined };
}

/** What a token of the embedding site says. */
export interface SiteUser extends Pick<Identity, "user" | "expiresAt"> {
  /** The name that the site gives them, not yet checked. */
  readonly handle: string | undefined;
  readonly siteKey: string;
}

/** A token that names nobody now. */
export const INVALID_TOKEN = failure({
  code: "unauthorized",
  message: "The token is not valid, or no longer.",
} as const);

/** The site's tokens are required, and there is none. */
export const NEEDS_TOKEN = failure({
  code: "unauthorized",
  message: "This chat needs a token of its site.",
} as const);

/** Checks the tokens of the embedding site. */
export interface SiteTokens {
  /** Whether guests are rejected. */
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

/** What a client says of itself. */
export interface Claim {
  /** A guest's token or the site's; undefined = it has none. */
  readonly token: string | undefined;
  /** The user id of the guest that it is where the token names nobody. */
  readonly guest: string;
  /** Who it was until now: its handle stays where the token gives the same user no other. */
  readonly known: Identity | undefined;
}

/** A client's identity, and the token that it shows to be the same user next time. */
export interface Identified {
  readonly identity: Identity;
  readonly token: string;
}

/** Returns who a client is by its token, else the guest. Fails with `unauthorized` or `unavailable`. Never rejects. */
export async function identify(
  { guests, siteTokens }: { readonly guests: Guests; readonly siteTokens: SiteTokens | undefined },
  { token, guest, known }: Claim,
): Promise<Result<Identified>> {
  const handleOf = (user: string): string => (known?.user === user ? known.handle : guestHandle(user));
  if (token !== undefined && !isGuestToken(token)) {
    const verified = (await siteTokens?.verify(token)) ?? INVALID_TOKEN;
    if (!verified.ok) return verified;
    const { user, handle, expiresAt, siteKey } = verified.value;
    const named = handleFrom(handle ?? "") ?? handleOf(user);
    return success({ identity: { user, handle: named, kind: "site", expiresAt, siteKey }, token });
  }
  if (siteTokens?.required === true) return NEEDS_TOKEN;
  // What was signed with a secret of the past names nobody, as an unknown cookie does.
  const user = (token === undefined ? undefined : guests.recognise(token)) ?? guest;
  const signed = guests.tokenFor(user);
  return signed === undefined
    ? failure({ code: "unavailable", message: "The chat is still starting; try again." })
    : success({ identity: guestIdentity(user, handleOf(user)), token: signed });
}

/**
 * Whether a token is a guest's, of whatever secret, or empty. All others are meant to be the site's: a client that shows one must not
 * be let in as a guest where it is, for example, no JSON Web Token.
 */
function isGuestToken(token: string): boolean {
  return token === "" || token.startsWith("g.");
}
