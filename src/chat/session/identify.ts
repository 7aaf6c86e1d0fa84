import { failure, type Result, success } from "../result.ts";
import { INVALID_TOKEN } from "../site-token.ts";
import { handleFrom } from "../text/handle.ts";
import type { ChatContext } from "./chat-context.ts";

/** Who says hello. */
export interface Caller {
  readonly user: string;
  /** What names them next time. */
  readonly token: string;
  /** The handle made of the name that the site gives; undefined where it gives none, or none can be made of it. */
  readonly handle: string | undefined;
  /** When the token ends, ms since 1970 UTC; undefined = never. */
  readonly endsAt: number | undefined;
  /** `site`: the embedding site says who they are. */
  readonly kind: "guest" | "site";
  /** The key that signed the site's token (`SiteUser.siteKey`); undefined = a guest. */
  readonly siteKey: string | undefined;
}

/** Returns who a token names, or the guest of that id where it names nobody; fails with `unauthorized` or `unavailable`. Never rejects. */
export async function identify(
  { guests, siteTokens }: Pick<ChatContext, "guests" | "siteTokens">,
  token: string | undefined,
  guest: string,
): Promise<Result<Caller>> {
  if (token !== undefined && !isGuestToken(token)) {
    const verified = (await siteTokens?.verify(token)) ?? INVALID_TOKEN;
    if (!verified.ok) return verified;
    const { value: user } = verified;
    return success({ ...user, handle: handleFrom(user.handle ?? ""), token, kind: "site" });
  }
  if (siteTokens?.required === true)
    return failure({ code: "unauthorized", message: "This chat needs a token of its site." });
  // What was signed with a secret of the past names nobody, as an unknown cookie does.
  const user = (token === undefined ? undefined : guests.recognise(token)) ?? guest;
  const signed = guests.tokenFor(user);
  return signed === undefined
    ? failure({ code: "unavailable", message: "The chat is still starting; try again." })
    : success({
        user,
        token: signed,
        handle: undefined,
        endsAt: undefined,
        kind: "guest",
        siteKey: undefined,
      });
}

/**
 * Whether a token is a guest's, of whatever secret, or empty. All others are meant to be the site's: who shows one must not be let in as
 * a guest where it is, for example, no JSON Web Token.
 */
function isGuestToken(token: string): boolean {
  return token === "" || token.startsWith("g.");
}
