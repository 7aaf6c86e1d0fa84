import type { FastifyInstance } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { cookiesOf, openApi, withKey } from "../../kit/servers/api.ts";

/** May moderate everywhere, and operate. */
const DESK = "desk-key-of-a-program";
/** May write in one room, read in another one, and operate. */
const CLERK = "clerk-key-of-a-program";
/** May moderate everywhere, and not operate. */
const BOT = "bot-key-of-a-program";
const API_KEYS = [
  `desk:${DESK}:moderate@*+operate`,
  `clerk:${CLERK}:write@lobby+read@attic+operate`,
  `bot:${BOT}:moderate@*`,
];
const HOST = "chat.example";
const ACCESS = "/status/rooms/lobby/access";
const MUTE = { user: "gAnn", right: "read", seconds: 600, reason: "too loud" };

let app: FastifyInstance;
beforeEach(async () => {
  app = await openApi({ apiKeys: API_KEYS });
  for (const room of ["lobby", "attic", "cellar"]) {
    const url = `/api/rooms/${room}/messages`;
    await app.inject({ method: "POST", url, headers: withKey(BOT), payload: { text: "hi" } });
  }
});

/** The header of an operator who has signed in. */
async function signedIn(key: string): Promise<Record<string, string>> {
  const answer = await app.inject({ method: "POST", url: "/status/session", payload: { key } });
  expect(answer.statusCode).toBe(204);
  return { cookie: cookiesOf(answer), host: HOST };
}

function get(url: string, headers: Record<string, string> = {}) {
  return app.inject({ url, headers });
}

function change(payload: string | object, headers: Record<string, string>, url = ACCESS) {
  return app.inject({ method: "POST", url, headers, payload });
}

/** Both ways of an operator to say who they are. */
const WAYS = [
  ["signed in", signedIn],
  ["by bearer", async (key: string) => withKey(key, { host: HOST })],
] as const;

describe.each(WAYS)("an operator %s", (_way, as) => {
  it("sees the rooms that their key may read, and their right there", async () => {
    const desk = await get("/status/rooms", await as(DESK));
    expect(desk.headers["cache-control"]).toBe("no-store");
    const { rooms } = desk.json();
    expect(rooms).toHaveLength(3);
    expect(rooms).toContainEqual({
      room: "lobby",
      last: expect.stringMatching(/^\d+-\d+$/),
      count: 0,
      right: "moderate",
    });
    const clerk = (await get("/status/rooms", await as(CLERK))).json();
    const rights = clerk.rooms.map(({ room, right }: { room: string; right: string }) => [room, right]);
    expect(Object.fromEntries(rights)).toEqual({ lobby: "write", attic: "read" });
  });

  it("sets a rule as their program, sees it and takes it back", async () => {
    const headers = await as(DESK);
    const changed = await change(MUTE, headers);
    expect([changed.statusCode, changed.json()]).toEqual([200, { id: expect.stringMatching(/^\d+-\d+$/) }]);
    const { until, ...rule } = (await get("/status/rooms/lobby", headers)).json().rules[0];
    expect(rule).toEqual({
      id: changed.json().id,
      user: "gAnn",
      right: "read",
      by: "p-desk",
      reason: "too loud",
    });
    expect(until).toBeGreaterThan(Date.now());
    expect((await get(`/status/rooms/lobby?before=${rule.id}`, headers)).json().rules).toEqual([]);
    expect((await change({ user: "gAnn", right: "default" }, headers)).statusCode).toBe(200);
    expect((await get("/status/rooms/lobby", headers)).json()).toEqual({
      room: "lobby",
      right: "moderate",
      moderatesAll: true,
      count: 0,
      users: [],
      rules: [],
      more: false,
    });
  });

  it("bans a user from all rooms, sees the ban and takes it back, and signs users out", async () => {
    const headers = await as(DESK);
    const ban = await change({ user: "s-ann", right: "none" }, headers, "/status/access");
    expect(ban.statusCode).toBe(200);
    expect((await get("/status/access", headers)).json()).toMatchObject({
      room: "*",
      moderatesAll: true,
      rules: [{ id: ban.json().id, user: "s-ann", right: "none", by: "p-desk" }],
    });
    expect((await get("/status/rooms/lobby", headers)).json().rules).toEqual([]);
    await change({ user: "s-ann", right: "default" }, headers, "/status/access");
    expect((await change({ user: "s-ann" }, headers, "/status/sign-out")).statusCode).toBe(200);
    expect((await get("/status/access", headers)).json().rules).toEqual([]);
    const guest = await change({ user: "gAnn" }, headers, "/status/sign-out");
    expect([guest.statusCode, guest.json()]).toMatchObject([400, { code: "bad-request" }]);
  });

  it("whose key may not moderate all rooms neither sees nor changes what holds in all", async () => {
    const headers = await as(CLERK);
    const answers = [
      await get("/status/access", headers),
      await change({ user: "s-ann", right: "none" }, headers, "/status/access"),
      await change({ user: "s-ann" }, headers, "/status/sign-out"),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403]);
  });

  it("whose key may not moderate sees a room without its rules, and changes nothing", async () => {
    await change(MUTE, withKey(DESK));
    const headers = await as(CLERK);
    const view = (await get("/status/rooms/lobby", headers)).json();
    expect(view).toMatchObject({ right: "write", rules: [], more: false });
    const refused = await change(MUTE, headers);
    expect([refused.statusCode, refused.json()]).toMatchObject([403, { code: "forbidden" }]);
  });

  it("does not see a room that their key may not enter", async () => {
    const refused = await get("/status/rooms/cellar", await as(CLERK));
    expect([refused.statusCode, refused.json()]).toMatchObject([
      403,
      { code: "forbidden", message: "You may not enter cellar." },
    ]);
  });

  it("sees a room that nobody has used as an empty one, and no room with a bad name", async () => {
    const headers = await as(DESK);
    expect((await get("/status/rooms/nowhere", headers)).json()).toMatchObject({ count: 0, rules: [] });
    const bad = await get("/status/rooms/-", headers);
    expect([bad.statusCode, bad.json()]).toMatchObject([400, { code: "bad-room" }]);
    const long = await get(`/status/rooms/${"x".repeat(65)}`, headers);
    expect([long.statusCode, long.json()]).toMatchObject([400, { code: "bad-room" }]);
    expect((await change(MUTE, headers, "/status/rooms/-/access")).json()).toMatchObject({
      code: "bad-room",
    });
  });

  it("is refused on a page of another origin, and not on the own one", async () => {
    const headers = await as(DESK);
    const foreign = { ...headers, origin: "https://evil.example" };
    for (const answer of [
      await change(MUTE, foreign),
      await get("/status/rooms", foreign),
      await get("/status/rooms/lobby", foreign),
    ]) {
      expect([answer.statusCode, answer.json()]).toMatchObject([403, { code: "forbidden" }]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
    expect((await get("/status/rooms/lobby", headers)).json().rules).toEqual([]);
    expect((await change(MUTE, { ...headers, origin: `https://${HOST}` })).statusCode).toBe(200);
  });

  it.each([
    ["an unknown right", { user: "gAnn", right: "moderate" }, {}, 400],
    ["no user", { right: "read" }, {}, 400],
    ["a user id that cannot be", { user: "Ann Smith", right: "read" }, {}, 400],
    ["a time that is over", { user: "gAnn", right: "read", seconds: 0 }, {}, 400],
    ["a reason that is too long", { ...MUTE, reason: "x".repeat(201) }, {}, 400],
    ["text that is not JSON", "user=gAnn", { "content-type": "application/json" }, 400],
    ["nothing", "", { "content-type": "application/json" }, 400],
    ["a form", "user=gAnn&right=none", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["JSON as text", JSON.stringify(MUTE), { "content-type": "text/plain" }, 415],
    ["more than 4 KiB", { ...MUTE, reason: "x".repeat(5_000) }, {}, 413],
  ])("is refused with a body of %s", async (_case, body, more, status) => {
    const headers = await as(DESK);
    const refused = await change(body, { ...headers, ...more });
    expect(refused.statusCode).toBe(status);
    expect(refused.json()).toMatchObject({ code: expect.stringMatching(/^(bad-request|text-too-long)$/) });
    expect((await get("/status/rooms/lobby", headers)).json().rules).toEqual([]);
  });
});

describe("the rooms of the operator's page", () => {
  it.each([
    ["without a key", {}, 401],
    ["with an unknown key", withKey("a-key-that-nobody-has"), 401],
    ["with a cookie that is no pass", { cookie: "dynochat_operator=9999999999999.AAAA" }, 401],
    ["with a key that may not operate", withKey(BOT), 403],
  ])("are not for a request %s", async (_case, headers, status) => {
    for (const answer of [
      await get("/status/rooms", headers),
      await get("/status/rooms/lobby", headers),
      await change(MUTE, headers),
    ]) {
      expect(answer.statusCode).toBe(status);
      expect(answer.json()).toMatchObject({ code: status === 401 ? "unauthorized" : "forbidden" });
    }
    expect((await get("/status/rooms/lobby", withKey(DESK))).json().rules).toEqual([]);
  });

  it("take no change from a page of an allowed origin: its browser is not told that it may send JSON", async () => {
    app = await openApi({ apiKeys: API_KEYS, allowedOrigins: ["https://blog.example"] });
    const headers = {
      origin: "https://blog.example",
      host: HOST,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    };
    const asked = await app.inject({ method: "OPTIONS", url: ACCESS, headers });
    expect(asked.headers["access-control-allow-origin"]).toBeUndefined();
    const { cookie } = await signedIn(DESK);
    const plain = { ...headers, cookie: String(cookie), "content-type": "text/plain" };
    expect((await change(JSON.stringify(MUTE), plain)).statusCode).toBe(415);
  });

  it("are those of the program that signed in last", async () => {
    const clerk = await app.inject({ method: "POST", url: "/status/session", payload: { key: CLERK } });
    const kept = new Map(clerk.cookies.map(({ name, value }) => [name, value]));
    const header = () => [...kept].map(([name, value]) => `${name}=${value}`).join("; ");
    const desk = await app.inject({
      method: "POST",
      url: "/status/session",
      headers: { cookie: header() },
      payload: { key: DESK },
    });
    for (const { name, value, maxAge } of desk.cookies) {
      if (maxAge === 0) kept.delete(name);
      else kept.set(name, value);
    }
    const { rooms } = (await get("/status/rooms", { cookie: header() })).json();
    expect(rooms.map(({ right }: { right: string }) => right)).toEqual(["moderate", "moderate", "moderate"]);
  });
});
