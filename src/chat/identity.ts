import { type Guests, guestHandle } from "./guests.ts";
import { failure, type Result, success } from "./result.ts";
import type { RoomRights } from "./rights/room-rights.ts";
import { handleFrom, readHandle } from "./text/handle.ts";

/**
 * How a user is identified: a client without credentials is a guest, and may become another guest at any
 * time; the embedding site names its users by tokens or by its own session; a program has a key of API_KEYS.
 */
export type UserKind = "guest" | "site" | "program";

/** A user as the server knows them, the same for sockets, event streams and HTTP requests. */
export interface Identity {
  /** User id: 1 to 64 of `A-Z a-z 0-9 _ -`. Users of different kinds never have the same id. */
  readonly user: string;
  /** The handle that the user wants; a room may add a suffix. */
  readonly handle: string;
  /** Whether the embedding site gave the handle, so that the user cannot choose another one. */
  readonly hasFixedHandle: boolean;
  readonly kind: UserKind;
  /**
   * The rights that the user's token or the program's key names; a room that it does not name is `none`.
   * Undefined = it names none, and the settings decide.
   */
  readonly rooms: RoomRights | undefined;
  /**
   * When the token was issued that identifies the user, ms since 1970 UTC by the site's clock: a sign-out
   * ends what was issued before. Undefined = no token, or it does not say.
   */
  readonly issuedAt: number | undefined;
  /** When the user must identify again, ms since 1970 UTC; undefined = never. */
  readonly expiresAt: number | undefined;
  /**
   * A public name of the site's key that signed the user's token: what the token opened ends with the key.
   * Undefined = no token.
   */
  readonly siteKey: string | undefined;
}

/**
 * Returns the identity of the guest with that user id. Without `handle`, the guest gets one made of the id.
 */
export function guestIdentity(user: string, handle = guestHandle(user)): Identity {
  return {
    user,
    handle,
    hasFixedHandle: false,
    kind: "guest",
    rooms: undefined,
    issuedAt: undefined,
    expiresAt: undefined,
    siteKey: undefined,
  };
}

/**
 * Returns the identity with the handle that the user wants; unchanged if that is missing, or if the site gave
 * the handle. Fails with `bad-handle`.
 */
export function withHandle(identity: Identity, wanted: string | undefined): Result<Identity> {
  if (wanted === undefined || identity.hasFixedHandle) return success(identity);
  const handle = readHandle(wanted);
  if (!handle.ok) return handle;
  return success(handle.value === undefined ? identity : { ...identity, handle: handle.value });
}

/** The claims of a token of the embedding site. */
export interface SiteUser extends Pick<Identity, "user" | "rooms" | "issuedAt" | "expiresAt"> {
  /** The name that the site gives the user, not yet checked; undefined = none. */
  readonly handle: string | undefined;
  readonly siteKey: string;
}

/** The token is not valid, or has expired. */
export const INVALID_TOKEN = failure({
  code: "unauthorized",
  message: "The token is not valid, or no longer.",
} as const);

/** No secret is known yet, so that tokens and cookies cannot be verified. */
export const STARTING = failure({
  code: "unavailable",
  message: "The chat is still starting; try again.",
} as const);

/** The user was signed out after the token was issued. */
export const SIGNED_OUT = failure({
  code: "unauthorized",
  message: "You have been signed out; sign in again.",
} as const);

/** As `SIGNED_OUT`, of a token that is older than every sign-out because it does not say how old it is. */
const SIGNED_OUT_UNDATED = failure({
  code: "unauthorized",
  // A reason of a socket's end has 123 bytes at most.
  message: "You have been signed out, and the token does not say when it was issued (claim iat).",
} as const);

/** The token and the app's own session name two users. */
const OTHER_USER = failure({
  code: "forbidden",
  message: "The token is of another user than the session of the app.",
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
   * Returns the user that the token names. Fails with `unauthorized` if it is not valid now, and with
   * `unavailable` if the site's keys cannot be fetched. Never rejects.
   */
  verify(token: string): Promise<Result<SiteUser>>;
  /**
   * Returns whether tokens of the key with that name are still accepted; undefined if the site's keys cannot
   * be fetched. Never rejects.
   */
  holdsKey(key: string): Promise<boolean | undefined>;
}

/** Knows which users were signed out. */
export interface SignOuts {
  /** Returns whether a user was signed out after what identifies them was issued. */
  isSignedOut(identity: Identity): boolean;
}

/** What identifies clients. */
export interface Identifiers {
  readonly guests: Guests;
  readonly siteTokens: SiteTokens | undefined;
  readonly globalRules: SignOuts;
}

/** Asks the embedding app which of its users sent a request. */
export interface AppUsers<Request> {
  /**
   * Returns the user of the app's own session; undefined = the request has none. Fails with `unavailable` if
   * the app did not answer in time or not with a user. Never rejects.
   */
  of(request: Request): Promise<Result<Identity | undefined>>;
}

/**
 * The token that a user of the app's own session gets: it gives no right and names no user, but whoever sends
 * it without such a session is rejected, and does not become a guest. It has the three parts of the site's
 * tokens, because client libraries stop when one of these is rejected.
 */
const APP_TOKEN = "app.session.user";

/** The client was a user of the app's own session, and is not any more. */
const APP_SESSION_ENDED = failure({
  code: "unauthorized",
  message: "The session of the app has ended.",
} as const);

/** What a client claims to be. */
export interface Claim {
  /** A guest's token or the site's; undefined = none. */
  readonly token: string | undefined;
  /** The user id of the guest that the client is if its token names no user. */
  readonly guest: string;
  /**
   * The client's identity until now; undefined = none. The same user keeps this handle if the token gives no
   * other.
   */
  readonly known: Identity | undefined;
}

/** A client's identity, and the token with which it is the same user next time. */
export interface Identified {
  readonly identity: Identity;
  readonly token: string;
}

/**
 * Returns the identity that a client's token names, else the guest's. Fails with `unauthorized` or
 * `unavailable`. Never rejects.
 */
export async function identify(
  { guests, siteTokens, globalRules }: Identifiers,
  { token, guest, known }: Claim,
): Promise<Result<Identified>> {
  const handleOf = (user: string): string => (known?.user === user ? known.handle : guestHandle(user));
  if (token === APP_TOKEN) return APP_SESSION_ENDED;
  if (token !== undefined && !isGuestToken(token)) {
    const verified = (await siteTokens?.verify(token)) ?? INVALID_TOKEN;
    if (!verified.ok) return verified;
    const { handle: given, ...claims } = verified.value;
    const named = handleFrom(given ?? "");
    const handle = named ?? handleOf(claims.user);
    const identity: Identity = { ...claims, handle, hasFixedHandle: named !== undefined, kind: "site" };
    if (!globalRules.isSignedOut(identity)) return success({ identity, token });
    return identity.issuedAt === undefined ? SIGNED_OUT_UNDATED : SIGNED_OUT;
  }
  if (siteTokens?.required === true) return NEEDS_TOKEN;
  // A token that was signed with a former secret names no user, as an unknown cookie does.
  const user = (token === undefined ? undefined : guests.recognise(token)) ?? guest;
  const signed = guests.tokenFor(user);
  return signed === undefined
    ? STARTING
    : success({ identity: guestIdentity(user, handleOf(user)), token: signed });
}

/**
 * Returns the identity of a user of the app's own session. The app does not see the token of a hello: one of
 * the site must name the same user, and changes nothing. A guest's token is ignored: the guest has signed in.
 * Fails with `forbidden` for the token of another user, and as `identify` does. Never rejects.
 * @param known the client's identity until now; the user keeps this handle if the app gives none.
 */
export async function identifyAppUser(
  { siteTokens }: { readonly siteTokens: SiteTokens | undefined },
  appUser: Identity,
  { token, known }: Pick<Claim, "token" | "known">,
): Promise<Result<Identified>> {
  if (token !== undefined && token !== APP_TOKEN && !isGuestToken(token)) {
    const verified = (await siteTokens?.verify(token)) ?? INVALID_TOKEN;
    if (!verified.ok) return verified;
    if (verified.value.user !== appUser.user) return OTHER_USER;
  }
  const handle = appUser.hasFixedHandle || known === undefined ? appUser.handle : known.handle;
  return success({ identity: { ...appUser, handle }, token: APP_TOKEN });
}

/**
 * Returns whether a token is a guest's, signed with any secret, or empty. All others are meant to be the
 * site's: a client that shows one must not be accepted as a guest if it is, for example, no JSON Web Token.
 */
function isGuestToken(token: string): boolean {
  return token === "" || token.startsWith("g.");
}
