import { SignJWT } from "jose";
import type { Scenario } from "../scenario.ts";

const OLD = "the-old-secret-of-the-site-which-leaked";
const SHARED = { SECRET: "a-secret-of-this-chat-which-did-not-leak" };

function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
}

/** The id in an answer to `POST /api/session`; undefined where it was refused. */
async function userIn(response: Response): Promise<string | undefined> {
  const body: { user?: { id: string } } = JSON.parse(await response.text());
  return body.user?.id;
}

const JSON_BODY = { "Content-Type": "application/json" };

export const rotatedSecret: Scenario = {
  name: "rotated-secret",
  hasRights: true,
  does: "goes on with the session cookie of a token whose secret was replaced after a leak",
  settings: async () => ({ ...SHARED, TOKEN_SECRET: OLD }),
  crowd: { people: 12, rooms: 2 },
  attackMs: 500,
  settleMs: 500,
  attack: async () => ({}),
  atEnd: async ({ stage }) => {
    const signed = new SignJWT({ sub: "administrator", name: "Administrator" });
    const token = await signed.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(OLD));
    const session = await fetch(`${stage.servers[0]?.url}/api/session`, {
      method: "POST",
      headers: JSON_BODY,
      body: JSON.stringify({ token }),
    });
    const user = await userIn(session);
    let headers = { ...JSON_BODY, Cookie: cookiesOf(session) };
    const post = async (url: string): Promise<number> =>
      (
        await fetch(`${url}/api/rooms/lobby/messages`, {
          method: "POST",
          headers,
          body: '{"text":"still here"}',
        })
      ).status;
    const before = await post(stage.servers[0]?.url ?? "");
    const rotated = await stage.startBeside({ ...SHARED, TOKEN_SECRET: `${OLD}-and-was-replaced` });
    try {
      const after = await post(rotated.url);
      const again = await fetch(`${rotated.url}/api/session`, { method: "POST", headers, body: "{}" });
      const renewed = again.ok && (await userIn(again)) === user;
      headers = { ...JSON_BODY, Cookie: cookiesOf(again) };
      return {
        "posted with the cookie before": before === 201 ? 1 : 0,
        "posted with the cookie after": after === 201 ? 1 : 0,
        "cookies renewed": renewed ? 1 : 0,
        "posted with a renewed cookie": renewed && (await post(rotated.url)) === 201 ? 1 : 0,
      };
    } finally {
      await rotated.stop();
    }
  },
  limits: [
    { figure: "posted with the cookie before", atLeast: 1 },
    { figure: "posted with the cookie after", atMost: 0 },
    { figure: "cookies renewed", atMost: 0 },
    { figure: "posted with a renewed cookie", atMost: 0 },
  ],
};
