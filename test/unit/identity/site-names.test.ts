import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { Guests } from "../../../src/chat/guests.ts";
import type { SiteTokens } from "../../../src/chat/identity.ts";
import { success } from "../../../src/chat/result.ts";
import { readHandle } from "../../../src/chat/text/handle.ts";
import { FakeClient, openChat } from "../../kit/fakes/fake-client.ts";
import { cookiesOf, MESSAGES, openApi, say } from "../../kit/servers/api.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

/** Names that sites give their users, and the handle of the user `s-ann`. */
const NAMES: readonly (readonly [string, unknown, string])[] = [
  ["of 35 letters", "x".repeat(35), "x".repeat(32)],
  ["of a whole page", "x".repeat(20_000), "x".repeat(32)],
  ["with a line feed", "Ann\nMiller", "AnnMiller"],
  ["that turns the text around", "\u202eAnn", "Ann"],
  ["with half a character", "Ann\ud800", "Ann"],
  ["with blanks around it", "  Ann \t", "Ann"],
  ["of blanks", " \u3000 ", "guest-xann"],
  ["of nothing that shows", "\u200b\u2060", "guest-xann"],
  ["that is empty", "", "guest-xann"],
  ["of the chat itself", "System", "guest-xann"],
  ["like the chat's own", "\u0455y\u0455t\u0435m", "guest-xann"],
  ["that becomes the chat's own", "sys\u202etem", "guest-xann"],
  ["that is an error's code", "bad-handle", "bad-handle"],
  ["that is a number", 5, "guest-xann"],
  ["that is null", null, "guest-xann"],
  ["that is a list", ["Ann"], "guest-xann"],
  ["that is an object", { first: "Ann" }, "guest-xann"],
];

function siteToken(claims: object, exp = Math.floor(Date.now() / 1000) + 600): Promise<string> {
  const token = new SignJWT({ ...claims, exp });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

/** A site whose tokens all name the user `s-ann`. */
function siteWith(handle: string | undefined): SiteTokens {
  return {
    required: true,
    verify: async () =>
      success({
        user: "s-ann",
        handle,
        rooms: undefined,
        issuedAt: undefined,
        expiresAt: undefined,
        siteKey: "one",
      }),
    holdsKey: async () => true,
  };
}

it.each(["opaque-session-id", "a.b", "a.b.c.d.e", " a.b.c", "null"])(
  "no user is a guest by the token %j",
  async (token) => {
    const app = await openApi({ tokenSecret: SECRET });
    const answer = await app.inject({ method: "POST", url: "/api/session", payload: { token } });
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ code: "unauthorized" });
  },
);

describe("a site's user with a name", () => {
  it.each(NAMES)("%s is let in on a socket", async (_what, name, handle) => {
    const given = typeof name === "string" ? name : undefined;
    const { chat } = openChat({}, undefined, siteWith(given));
    const welcome = await new FakeClient(chat).ask({ type: "hello", token: "a.b.c" });
    expect(welcome).toMatchObject({ type: "welcome", user: { id: "s-ann", handle } });
  });

  it("of any kind is let in over HTTP, and writes under the handle made of it", async () => {
    const app = await openApi({
      apiKeys: undefined,
      tokenSecret: SECRET,
      tokenRequired: true,
      messagesPerSecond: 0,
    });
    for (const [, name, handle] of NAMES) {
      const payload = { token: await siteToken({ sub: "ann", name }) };
      const answer = await app.inject({ method: "POST", url: "/api/session", payload });
      expect([answer.statusCode, answer.json().user]).toEqual([200, { id: "s-ann", handle }]);
      expect((await say(app, "hi", { cookie: cookiesOf(answer) })).statusCode).toBe(201);
    }
  });

  it("keeps the name that the site gave, whatever handle they send", async () => {
    const { chat } = openChat({}, undefined, siteWith("Ann"));
    const client = new FakeClient(chat);
    for (const handle of ["Ben", "system"]) {
      const welcome = await client.ask({ type: "hello", token: "a.b.c", handle });
      expect(welcome).toMatchObject({ type: "welcome", user: { handle: "Ann" } });
    }
  });

  it("keeps it over HTTP too, in the session and in messages", async () => {
    const app = await openApi({ apiKeys: undefined, tokenSecret: SECRET });
    const token = await siteToken({ sub: "ann", name: "Ann" });
    const payload = { token, handle: "Ben" };
    const answer = await app.inject({ method: "POST", url: "/api/session", payload });
    expect(answer.json().user).toEqual({ id: "s-ann", handle: "Ann" });
    for (const headers of [{ cookie: cookiesOf(answer) }, { authorization: `Bearer ${token}` }]) {
      const message = { text: "hi", handle: "Ben" };
      const said = await app.inject({ method: "POST", url: MESSAGES, headers, payload: message });
      expect(said.statusCode).toBe(201);
    }
    const { messages } = (await app.inject(MESSAGES)).json();
    expect(messages.map(({ handle }: { handle: string }) => handle)).toEqual(["Ann", "Ann"]);
  });

  it("may choose a name where the site gives none, but not one like the chat's", async () => {
    const { chat } = openChat({}, undefined, siteWith(undefined));
    const client = new FakeClient(chat);
    const refused = await client.ask({ type: "hello", token: "a.b.c", handle: "system" });
    expect(refused).toMatchObject({ type: "error", code: "bad-handle" });
    const welcome = await client.ask({ type: "hello", token: "a.b.c", handle: "Ann" });
    expect(welcome).toMatchObject({ user: { handle: "Ann" } });
  });

  it("keeps their name where the handle they send is empty", async () => {
    const { chat } = openChat({}, undefined, siteWith("Ann"));
    const welcome = await new FakeClient(chat).ask({ type: "hello", token: "a.b.c", handle: " " });
    expect(welcome).toMatchObject({ user: { handle: "Ann" } });
  });
});

describe("a site's user whose token", () => {
  it.each([
    ["has a number for a subject", { sub: 42 }, "s-42"],
    ["has an address for a subject", { sub: "ann@example.com" }, expect.stringMatching(/^s_/)],
    ["has a subject as long as a user id allows", { sub: "a".repeat(62) }, `s-${"a".repeat(62)}`],
    ["has a longer subject", { sub: "a".repeat(63) }, expect.stringMatching(/^s_/)],
  ])("%s is let in", async (_what, claims, id) => {
    const app = await openApi({ apiKeys: undefined, tokenSecret: SECRET });
    const payload = { token: await siteToken(claims) };
    const answer = await app.inject({ method: "POST", url: "/api/session", payload });
    expect([answer.statusCode, answer.json().user.id]).toEqual([200, id]);
  });

  it.each([
    {},
    { sub: "" },
    { sub: null },
    { sub: 1.5 },
    { sub: ["ann"] },
    { sub: { id: 1 } },
    { sub: true },
  ])("without a user is refused as a bad token: %j", async (claims) => {
    const app = await openApi({ apiKeys: undefined, tokenSecret: SECRET });
    const payload = { token: await siteToken(claims) };
    const answer = await app.inject({ method: "POST", url: "/api/session", payload });
    expect([answer.statusCode, answer.json().code]).toEqual([401, "unauthorized"]);
  });

  it("has half a character in its subject is not taken for another such user", async () => {
    const app = await openApi({ apiKeys: undefined, tokenSecret: SECRET });
    const ids = new Set<string>();
    for (const sub of ["\ud800", "\ud801", "\ufffd"]) {
      const payload = { token: await siteToken({ sub }) };
      ids.add((await app.inject({ method: "POST", url: "/api/session", payload })).json().user.id);
    }
    expect(ids.size).toBe(3);
  });

  it.each([1e300, 4_000_000_000.123])("ends at %d has a session that lasts", async (exp) => {
    const app = await openApi({ apiKeys: undefined, tokenSecret: SECRET, tokenRequired: true });
    const payload = { token: await siteToken({ sub: "ann" }, exp) };
    const answer = await app.inject({ method: "POST", url: "/api/session", payload });
    expect(Number.isSafeInteger(answer.json().endsAt)).toBe(true);
    expect((await say(app, "hi", { cookie: cookiesOf(answer) })).statusCode).toBe(201);
  });
});

describe("a session's cookie that another version set", () => {
  const secret = "s".repeat(32);

  it.each(["x".repeat(40), "A\u202enn", "system", "", "\u3164"])(
    "lets its holder in with the handle %j",
    async (old) => {
      const app = await openApi({ apiKeys: undefined, secret });
      const text = JSON.stringify({ user: "gabcd", handle: old, site: false });
      const cookie = `dynochat-session=${new Guests([secret]).sign(text)}`;
      const answer = await app.inject({
        method: "POST",
        url: "/api/session",
        headers: { cookie },
        payload: {},
      });
      expect(answer.statusCode).toBe(200);
      expect((await say(app, "hi", { cookie })).statusCode).toBe(201);
      const [message] = (await app.inject(MESSAGES)).json().messages;
      expect(readHandle(message.handle)).toEqual({ ok: true, value: message.handle });
    },
  );

  it("is ignored where it holds no session", async () => {
    const app = await openApi({ apiKeys: undefined, secret });
    for (const text of ["no JSON", "[]", '{"user":5}']) {
      const cookie = `dynochat-session=${new Guests([secret]).sign(text)}`;
      const answer = await app.inject({ url: MESSAGES, headers: { cookie } });
      expect(answer.statusCode).toBe(200);
    }
  });
});
