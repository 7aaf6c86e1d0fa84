import { SignJWT } from "jose";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** Signs the tokens of the site. */
const SITE_SECRET = "the-secret-of-the-site-which-embeds-the-chat";

/** Settings with which users have different rights. */
const RIGHTS = { TOKEN_SECRET: SITE_SECRET, PRIVATE_ROOMS: "private-*" };

/** A user of the site whom an access rule mutes in one room, and shuts out of another one. */
export const RULED = { sub: "mallory", muted: "room-1", shutOut: "room-2" } as const;

/** Returns a token of the site for one of its users. */
export function siteToken(sub: string, claims: object = {}): Promise<string> {
  const token = new SignJWT({ sub, name: sub, exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SITE_SECRET));
}

/**
 * Returns a scenario in which rights are switched on, rooms have access rules, and honest people are users of
 * the site.
 * @param guests what guests may do; an attack by guests is one only where they may write.
 */
export function withRights(scenario: Scenario, guests: "read" | "write" = "read"): Scenario {
  return {
    ...scenario,
    hasRights: true,
    settings: async () => ({ ...RIGHTS, GUESTS: guests, ...(await scenario.settings?.()) }),
    crowd: { ...scenario.crowd, isSignedIn: true },
    prepare: async (stage) => {
      await setRules(stage);
      return (await scenario.prepare?.(stage)) ?? {};
    },
  };
}

async function setRules(stage: Stage): Promise<void> {
  const token = await siteToken("moderator", { rooms: { "*": "moderate" } });
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  for (const [room, right] of [
    [RULED.muted, "read"],
    [RULED.shutOut, "none"],
  ]) {
    const body = JSON.stringify({ user: `s-${RULED.sub}`, right });
    const url = `${stage.servers[0]?.url}/api/rooms/${room}/access`;
    const answer = await fetch(url, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`no rule was set: ${answer.status} ${await answer.text()}`);
  }
}
