import type { FastifyInstance } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { cookiesOf, openApi, say, withKey } from "../../kit/servers/api.ts";

/** May moderate everywhere, and operate. */
const DESK = "desk-key-of-a-program";
/** May moderate in one room, read in another one, and operate. */
const CLERK = "clerk-key-of-a-program";
/** May moderate everywhere, and not operate. */
const BOT = "bot-key-of-a-program";
/** May do nothing in the lobby. */
const ALIEN = "alien-key-of-a-program";
const API_KEYS = [
  `desk:${DESK}:moderate@*+operate`,
  `clerk:${CLERK}:moderate@attic+read@lobby+operate`,
  `bot:${BOT}:moderate@*`,
  `alien:${ALIEN}:write@attic`,
];
const HOST = "chat.example";
const REPORTS = "/api/rooms/lobby/reports";

let app: FastifyInstance;
/** The id of a message in the lobby. */
let id: string;
beforeEach(async () => {
  app = await openApi({ apiKeys: API_KEYS });
  ({ id } = (await say(app, "<b>buy</b>", withKey(BOT))).json());
});

function post(url: string, payload?: string | object, headers: Record<string, string> = withKey(CLERK)) {
  return app.inject({ method: "POST", url, headers, ...(payload === undefined ? {} : { payload }) });
}

function get(url: string, headers: Record<string, string>) {
  return app.inject({ url, headers });
}

async function reported(): Promise<string> {
  const answer = await post(REPORTS, { id, reason: "spam" });
  expect(answer.statusCode).toBe(201);
  return answer.json().id;
}

async function signedIn(key: string): Promise<Record<string, string>> {
  const answer = await app.inject({ method: "POST", url: "/status/session", payload: { key } });
  expect(answer.statusCode).toBe(204);
  return { cookie: cookiesOf(answer), host: HOST };
}

async function guest(): Promise<Record<string, string>> {
  const answer = await app.inject({ method: "POST", url: "/api/session", payload: { handle: "Gus" } });
  return { cookie: cookiesOf(answer) };
}

const SEEN = {
  room: "lobby",
  at: expect.any(Number),
  user: "p-bot",
  handle: "bot",
  text: "<b>buy</b>",
  by: { user: "p-clerk", handle: "clerk", kind: "program" },
  reason: "spam",
};

describe("POST /api/rooms/{room}/reports", () => {
  it("stores a report once per user and message", async () => {
    const first = await post(REPORTS, { id });
    expect([first.statusCode, first.json()]).toEqual([201, { id: expect.stringMatching(/^\d+$/) }]);
    expect(first.headers["cache-control"]).toBe("no-store");
    const again = await post(REPORTS, { id, reason: "once more" });
    expect([again.statusCode, again.json()]).toEqual([200, { ...first.json(), duplicate: true }]);
    expect((await post(REPORTS, { id }, await guest())).statusCode).toBe(201);
  });

  it.each([
    ["without a key or a cookie", { id: "1-1" }, {}, 401, "unauthorized"],
    ["of a program that may not read", { id: "1-1" }, withKey(ALIEN), 403, "forbidden"],
    ["of a message that is not there", { id: "1-1" }, withKey(CLERK), 404, "not-found"],
    ["of no id", { id: "it" }, withKey(CLERK), 400, "bad-request"],
    ["of nothing", {}, withKey(CLERK), 400, "bad-request"],
    ["with too long a reason", { id: "1-1", reason: "x".repeat(201) }, withKey(CLERK), 400, "text-too-long"],
    [
      "with a body of more than 4 KiB",
      { id: "1-1", reason: "x".repeat(5_000) },
      withKey(CLERK),
      413,
      "bad-request",
    ],
  ])("refuses a report %s", async (_case, body, headers, status, code) => {
    const refused = await post(REPORTS, body, headers);
    expect([refused.statusCode, refused.json().code]).toEqual([status, code]);
    expect((await get("/api/reports", withKey(DESK))).json().reports).toEqual([]);
  });

  it("refuses one in a room that cannot be", async () => {
    expect((await post("/api/rooms/-/reports", { id })).json()).toMatchObject({ code: "bad-room" });
  });
});

describe("the reports below /api", () => {
  it("are read and dismissed by a program that may moderate the room", async () => {
    const report = await reported();
    const listed = await get("/api/reports", withKey(BOT));
    expect(listed.headers["cache-control"]).toBe("no-store");
    expect(listed.json()).toEqual({ reports: [{ ...SEEN, id: report, message: id }], more: false });
    expect((await get("/api/reports?room=attic", withKey(BOT))).json().reports).toEqual([]);
    expect((await get(`/api/reports?before=${report}`, withKey(BOT))).json().reports).toEqual([]);
    const url = `/api/reports/${report}`;
    const dismiss = (headers: Record<string, string>) => app.inject({ method: "DELETE", url, headers });
    expect((await dismiss(withKey(CLERK))).statusCode).toBe(404);
    expect((await dismiss(await guest())).statusCode).toBe(404);
    expect((await dismiss({})).statusCode).toBe(401);
    expect((await dismiss(withKey(BOT))).statusCode).toBe(204);
    expect((await dismiss(withKey(BOT))).json()).toMatchObject({ code: "not-found" });
    expect((await get("/api/reports", withKey(BOT))).json().reports).toEqual([]);
  });

  it("are for those who may moderate", async () => {
    await reported();
    expect((await get("/api/reports", {})).statusCode).toBe(401);
    for (const headers of [withKey(CLERK), withKey(ALIEN), await guest()]) {
      expect((await get("/api/reports", headers)).json()).toEqual({ reports: [], more: false });
      expect((await get("/api/reports?room=lobby", headers)).statusCode).toBe(403);
    }
    expect((await get("/api/reports?room=attic", withKey(CLERK))).statusCode).toBe(200);
  });

  it.each(["before=it", "before=-1", "room=-"])("are not asked for with %s", async (query) => {
    expect((await get(`/api/reports?${query}`, withKey(BOT))).statusCode).toBe(400);
  });
});

describe.each([
  ["signed in", signedIn],
  ["by bearer", async (key: string) => withKey(key, { host: HOST })],
] as const)("an operator %s", (_way, as) => {
  it("sees and dismisses the reports of rooms that their key may moderate", async () => {
    const report = await reported();
    const headers = await as(DESK);
    const listed = await get("/status/reports", headers);
    expect(listed.headers["cache-control"]).toBe("no-store");
    expect(listed.json()).toEqual({ reports: [{ ...SEEN, id: report, message: id }], more: false });
    const url = `/status/reports/${report}/dismiss`;
    const clerk = await as(CLERK);
    expect((await get("/status/reports", clerk)).json().reports).toEqual([]);
    expect((await post(url, {}, clerk)).statusCode).toBe(404);
    expect((await post(url, {}, headers)).json()).toEqual({ id: report });
    expect((await post(url, {}, headers)).statusCode).toBe(404);
    expect((await get("/status/reports", headers)).json().reports).toEqual([]);
  });

  it("dismisses nothing from a page of another origin, or by what such a page can send", async () => {
    const report = await reported();
    const headers = await as(DESK);
    const url = `/status/reports/${report}/dismiss`;
    const foreign = { ...headers, origin: "https://evil.example" };
    expect((await post(url, {}, foreign)).statusCode).toBe(403);
    expect((await get("/status/reports", foreign)).statusCode).toBe(403);
    expect((await post(url, undefined, headers)).statusCode).toBe(400);
    expect((await post(url, "{}", { ...headers, "content-type": "text/plain" })).statusCode).toBe(415);
    expect((await get("/status/reports", headers)).json().reports).toHaveLength(1);
  });
});

it.each([
  ["without a key", {}, 401],
  ["with a key that may not operate", withKey(BOT), 403],
])("/status/reports is not for a request %s", async (_case, headers, status) => {
  const report = await reported();
  expect((await get("/status/reports", headers)).statusCode).toBe(status);
  expect((await post(`/status/reports/${report}/dismiss`, {}, headers)).statusCode).toBe(status);
  expect((await get("/api/reports", withKey(BOT))).json().reports).toHaveLength(1);
});
