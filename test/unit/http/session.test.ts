import type { FastifyInstance } from "fastify";
import { SignJWT } from "jose";
import { describe, expect, it, vi } from "vitest";
import { Guests } from "../../../src/chat/guests.ts";
import { CLOSE } from "../../../src/protocol/codes.ts";
import { readEvents } from "../../kit/clients/event-reader.ts";
import { cookiesOf, MESSAGES, openApi, say, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

async function openSession(app: FastifyInstance, payload: object = {}, headers = {}) {
  const answer = await app.inject({ method: "POST", url: "/api/session", payload, headers });
  return { answer, cookie: cookiesOf(answer) };
}

function siteToken(claims: object, endsInS = 60): Promise<string> {
  const token = new SignJWT({ ...claims, exp: Math.floor(Date.now() / 1000) + endsInS });
  return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
}

/**
 * The clock is stopped until the test is over: no token ends, and none gets older, while a slow machine goes
 * on.
 */
function stopTheDay(): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  afterwards(() => vi.useRealTimers());
}

describe("a session over HTTP", () => {
  it("makes a guest who publishes with the cookie alone, under the given handle", async () => {
    const app = await openApi({ apiKeys: undefined });
    const { answer, cookie } = await openSession(app, { handle: "Ann" });
    const { user, token, limits } = answer.json();
    expect(user).toEqual({ id: expect.stringMatching(/^g/), handle: "Ann" });
    expect(limits.textLength).toBe(2_000);
    for (const set of answer.cookies)
      expect(set).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/" });
    expect((await say(app, "hi", { cookie })).statusCode).toBe(201);
    expect((await app.inject(MESSAGES)).json().messages[0]).toMatchObject({ user: user.id, handle: "Ann" });
    // The same guest again: by the cookies, or where there are none by the token.
    expect((await openSession(app, {}, { cookie })).answer.json().user).toEqual(user);
    expect((await openSession(app, { token })).answer.json().user.id).toBe(user.id);
    expect((await openSession(app)).answer.json().user.id).not.toBe(user.id);
  });

  it("is not taken from a cookie that was changed", async () => {
    const app = await openApi();
    const { cookie } = await openSession(app, { handle: "Ann" });
    const forged = cookie
      .split("; ")
      .map((one) => one.replace(/.$/, (last) => (last === "A" ? "B" : "A")))
      .join("; ");
    expect((await say(app, "hi", { cookie: forged })).statusCode).toBe(401);
  });

  it("is refused a name that is none", async () => {
    const { answer } = await openSession(await openApi(), { handle: "system" });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "bad-handle"]);
    expect(answer.cookies).toEqual([]);
  });

  it("comes from the site's token, ends with it, and is the only one accepted if tokens are required", async () => {
    stopTheDay();
    const app = await openApi({ tokenSecret: SECRET, tokenRequired: true });
    const guest = await openSession(await openApi({ secret: SECRET }), { handle: "Guest" });
    const reads = ["/api/rooms", MESSAGES, "/api/rooms/lobby/presence"];
    for (const url of reads) expect((await app.inject(url)).statusCode).toBe(401);
    for (const headers of [{}, { cookie: guest.cookie }]) {
      expect((await app.inject({ url: MESSAGES, headers })).statusCode).toBe(401);
      expect((await openSession(app, {}, headers)).answer.statusCode).toBe(401);
    }
    expect((await openSession(app, { token: "a.b.c" })).answer.statusCode).toBe(401);
    const token = await siteToken({ sub: "ann", name: "Ann" });
    const { answer, cookie } = await openSession(app, { token });
    expect(answer.json().user).toEqual({ id: "s-ann", handle: "Ann" });
    for (const url of reads) expect((await app.inject({ url, headers: { cookie } })).statusCode).toBe(200);
    expect((await say(app, "hi", { cookie })).statusCode).toBe(201);
    // A reload has the cookie and no token.
    expect((await openSession(app, {}, { cookie })).answer.json().user.id).toBe("s-ann");
    // A program is accepted by its key.
    expect((await app.inject({ url: MESSAGES, headers: withKey() })).statusCode).toBe(200);
    const maxAge = answer.cookies.find(({ name }) => name === "dynochat-session")?.maxAge ?? 0;
    expect(maxAge).toBeGreaterThan(50);
    expect(maxAge).toBeLessThanOrEqual(60);
  });

  it("is over when the token is", async () => {
    stopTheDay();
    const app = await openApi({ tokenSecret: SECRET, tokenRequired: true });
    // The site's clock may be off by 5 s: a token that ended 3 s ago opens a session that is over.
    const { answer, cookie } = await openSession(app, { token: await siteToken({ sub: "ann" }, -3) });
    expect(answer.statusCode).toBe(200);
    expect((await app.inject({ url: MESSAGES, headers: { cookie } })).statusCode).toBe(401);
  });

  it("makes no guest of a user of the site whose token has ended, also if guests are accepted", async () => {
    stopTheDay();
    const app = await openApi({ tokenSecret: SECRET });
    const { cookie: guest } = await openSession(app, { handle: "Guest" });
    const ended = await openSession(app, { token: await siteToken({ sub: "ann" }, -3) });
    const own = guest.split("; ").filter((cookie) => !cookie.includes("session"));
    const both = { cookie: [...own, ended.cookie].join("; ") };
    expect((await say(app, "as whom?", both)).json()).toMatchObject({ code: "unauthorized" });
    expect((await openSession(app, {}, both)).answer.statusCode).toBe(401);
    const next = await openSession(app, { token: await siteToken({ sub: "ann" }) }, both);
    expect(next.answer.json().user.id).toBe("s-ann");
    expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
  });

  it.each([
    ["another secret", { tokenSecret: "another secret of sufficient length!" }],
    ["none any more", {}],
  ])(
    "of a user of the site is over where the site's secret is %s, also with a guest's cookie beside it",
    async (_what, options) => {
      const { cookie: guest } = await openSession(await openApi({ tokenSecret: SECRET }));
      const token = await siteToken({ sub: "admin" }, 86_400);
      const { cookie } = await openSession(
        await openApi({ tokenSecret: SECRET }),
        { token },
        { cookie: guest },
      );
      const app = await openApi(options);
      const own = guest.split("; ").filter((one) => !one.includes("session"));
      for (const held of [cookie, [...own, cookie].join("; ")]) {
        expect((await say(app, "as an administrator", { cookie: held })).json().code).toBe("unauthorized");
        const renewed = await openSession(app, {}, { cookie: held });
        expect([renewed.answer.statusCode, renewed.answer.cookies]).toEqual([401, []]);
      }
      expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
    },
  );

  it("of a token without an end is over after a day, whatever is asked with it before", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    afterwards(() => vi.useRealTimers());
    const app = await openApi({ tokenSecret: SECRET });
    const token = await new SignJWT({ sub: "ann" })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(SECRET));
    const opened = Date.now();
    let { cookie } = await openSession(app, { token });
    for (let hour = 1; hour < 24; hour += 11) {
      vi.setSystemTime(opened + hour * 3_600_000);
      const again = await openSession(app, {}, { cookie });
      expect(again.answer.json()).toMatchObject({ user: { id: "s-ann" }, endsAt: opened + 86_400_000 });
      cookie = again.cookie;
    }
    vi.setSystemTime(opened + 86_400_000);
    expect((await say(app, "hi", { cookie })).statusCode).toBe(401);
    expect((await openSession(app, {}, { cookie })).answer.statusCode).toBe(401);
    expect((await openSession(app, { token }, { cookie })).answer.json().user.id).toBe("s-ann");
  });

  it("that an older version opened for a user of the site is over, and a guest's is not", async () => {
    const app = await openApi({ tokenSecret: SECRET });
    const guests = new Guests(["s".repeat(32)]);
    const old = (session: object) =>
      `dynochat-session=${guests.sign(JSON.stringify({ handle: "Ann", ...session }))}`;
    const site = { user: "s-ann", site: true, endsAt: Date.now() + 60_000 };
    expect((await say(app, "hi", { cookie: old(site) })).statusCode).toBe(401);
    expect((await say(app, "hi", { cookie: old({ user: "gann", site: false }) })).statusCode).toBe(201);
  });

  it("of a user of the site is undecided, and not over, while the keys of the site cannot be fetched", async () => {
    const options = { tokenSecret: undefined, tokenJwksUrl: "http://localhost:1/" };
    const guests = new Guests(["s".repeat(32)]);
    const session = {
      user: "s-ann",
      handle: "Ann",
      site: true,
      endsAt: Date.now() + 60_000,
      siteKey: "key x",
      rooms: null,
    };
    const cookie = `dynochat-session=${guests.sign(JSON.stringify(session))}`;
    const answer = await say(await openApi(options), "hi", { cookie });
    expect([answer.statusCode, answer.json().retryable]).toEqual([503, true]);
  });

  it("ends the event stream that it opened, which says so before", async () => {
    stopTheDay();
    const app = await openApi({ tokenSecret: SECRET, tokenRequired: true });
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    expect((await readEvents(`${url}/api/rooms/lobby/events`)).answer.status).toBe(401);
    const { cookie } = await openSession(app, { token: await siteToken({ sub: "ann" }, 2) });
    const reader = await readEvents(`${url}/api/rooms/lobby/events`, { cookie });
    await reader.waitFor("joined");
    await reader.waitFor("expiring");
    expect((await reader.waitFor("close")).data.code).toBe(CLOSE.unauthorized);
    await waitFor(() => reader.ended, "the stream ends");
  });

  it("is not used by pages of other sites", async () => {
    const app = await openApi();
    const { cookie } = await openSession(app);
    const other = await say(app, "hi", { cookie, host: "chat.example", origin: "https://evil.example" });
    expect([other.statusCode, other.json().code]).toEqual([403, "forbidden"]);
    const own = await say(app, "hi", { cookie, host: "chat.example", origin: "https://chat.example" });
    expect(own.statusCode).toBe(201);
    expect((await app.inject(MESSAGES)).json().messages).toHaveLength(1);
  });
});
