import { SignJWT } from "jose";

/** What a token of the site says, as the claims that `siteTokens` checks. */
export interface TokenClaims {
  /** The claim `sub`: names the user. */
  readonly subject: string;
  /** The claim `name`: the user's handle; undefined = none. */
  readonly name: string | undefined;
  /** The claim `rooms`: rights by patterns of rooms; undefined = the settings decide. */
  readonly rooms: object | undefined;
  /** The claims `iss` and `aud`; undefined = none. */
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** When the token expires, ms since 1970 UTC. */
  readonly expiresAt: number;
}

/** Returns a token as the site would sign it with `secret` (HS256). The chat itself signs none. */
export function signToken(
  { subject, name, rooms, issuer, audience, expiresAt }: TokenClaims,
  secret: string,
): Promise<string> {
  const claims = {
    sub: subject,
    name,
    rooms,
    iss: issuer,
    aud: audience,
    exp: Math.floor(expiresAt / 1_000),
  };
  const given = Object.entries(claims).filter(([, value]) => value !== undefined);
  const token = new SignJWT(Object.fromEntries(given)).setProtectedHeader({ alg: "HS256" }).setIssuedAt();
  return token.sign(new TextEncoder().encode(secret));
}
