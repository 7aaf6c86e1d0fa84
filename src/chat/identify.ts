import type { ErrorCode } from "../protocol.ts";
import type { Services } from "./services.ts";

/** Who says hello. */
export interface Caller {
  readonly user: string;
  /** What names them next time. */
  readonly token: string;
  readonly handle: string | undefined;
  /** When the token ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt: number | undefined;
  /** Whether the embedding site says who they are. */
  readonly site: boolean;
}

/** Why nobody can be named. */
export interface Unidentified {
  readonly code: Extract<ErrorCode, "unauthorized" | "unavailable">;
  readonly message: string;
}

/** Who a token names; the guest of that id where it names nobody. Never rejects. */
export async function identify(
  { guests, siteTokens }: Pick<Services, "guests" | "siteTokens">,
  token: string | undefined,
  guest: string,
): Promise<Caller | Unidentified> {
  if (token !== undefined && looksLikeSiteToken(token)) {
    const user = await siteTokens?.verify(token);
    return user === undefined
      ? { code: "unauthorized", message: "The token is not valid, or no longer." }
      : { ...user, token, site: true };
  }
  if (siteTokens?.required === true)
    return { code: "unauthorized", message: "This chat needs a token of its site." };
  // What was signed with a secret of the past names nobody, as an unknown cookie does.
  const user = (token === undefined ? undefined : guests.recognise(token)) ?? guest;
  const signed = guests.tokenFor(user);
  return signed === undefined
    ? { code: "unavailable", message: "The chat is still starting; try again." }
    : { user, token: signed, handle: undefined, endsAt: undefined, site: false };
}

/** A JSON Web Token (RFC 7519) has three parts, and a guest's token begins `g.`. */
function looksLikeSiteToken(token: string): boolean {
  return token.split(".").length === 3 && !token.startsWith("g.");
}
