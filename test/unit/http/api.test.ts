import fastify from "fastify";
import { pino } from "pino";
import { describe, expect, it, vi } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { dynochat } from "../../../src/plugin.ts";
import { ERRORS } from "../../../src/protocol/codes.ts";
import { BEGINNING } from "../../../src/protocol/ids.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import { readSettings } from "../../../src/settings/settings.ts";
import { FakeStore } from "../../kit/fakes/fake-store.ts";
import { KEY, MESSAGES, OTHER_KEY, openApi, say, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

/** The clock is stopped until the test is over: a budget is not refilled, however slow the machine is. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  afterwards(() => vi.useRealTimers());
}

describe("a program that publishes over HTTP", () => {
  it("is answered 201 with the message's id, and all members get the message", async () => {
    const app = await openApi();
    const answer = await app.inject({
      method: "POST",
      url: MESSAGES,
      headers: withKey(KEY, { "idempotency-key": "build-17" }),
      payload: { text: "  Build 17 is <b>green</b>.  ", handle: "CI" },
    });
    expect(answer.statusCode).toBe(201);
    const { id } = answer.json();
    const page = (await app.inject(MESSAGES)).json();
    expect(page.messages).toEqual([
      {
        id,
        prev: BEGINNING,
        type: "message",
        room: "lobby",
        user: expect.stringMatching(/^p-/),
        handle: "CI",
        text: "Build 17 is <b>green</b>.",
        key: "build-17",
      },
    ]);
    expect(page.more).toBe(false);
  });

  it("is answered 200 with the first one's id where the key is a repeated one, and nothing new is stored", async () => {
    const app = await openApi();
    const headers = withKey(KEY, { "idempotency-key": "once" });
    const first = await say(app, "once", headers);
    const again = await say(app, "twice", headers);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toEqual({ id: first.json().id, duplicate: true });
    expect((await app.inject(MESSAGES)).json().messages).toHaveLength(1);
    // Keys are each user's own.
    const other = await say(app, "another program", withKey(OTHER_KEY, { "idempotency-key": "once" }));
    expect(other.statusCode).toBe(201);
  });

  it("needs a known key, and the server must have keys", async () => {
    const app = await openApi();
    for (const headers of [{}, { authorization: "Bearer nobody-has-this-one" }]) {
      const answer = await say(app, "hi", headers);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
      expect(answer.json()).toMatchObject({ code: "unauthorized", retryable: false });
    }
    const without = await say(await openApi({ apiKeys: undefined }), "hi");
    expect(without.statusCode).toBe(403);
    expect(without.json()).toMatchObject({ code: "forbidden", retryable: false });
    expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
  });

  it("closes a connection that is idle in the middle of a request, after a minute", async () => {
    const app = await buildApp(readSettings({}), pino({ level: "silent" }), "here");
    afterwards(() => app.close());
    // Node does so for every connection of a server that has this number; a test does not wait for it.
    expect(app.server.timeout).toBe(60_000);
  });

  it("is limited to the rate of a user: 429, Retry-After in whole seconds, and another program is not", async () => {
    stopTime();
    const app = await openApi({ messagesPerSecond: 1, messageBurst: 2 });
    const statuses: number[] = [];
    for (const text of ["1", "2", "3"]) statuses.push((await say(app, text)).statusCode);
    expect(statuses).toEqual([201, 201, 429]);
    const refused = await say(app, "4");
    expect(refused.json()).toMatchObject({ code: "rate-limited", retryable: true });
    expect(refused.json().retryAfterMs).toBeGreaterThan(0);
    expect(refused.headers["retry-after"]).toBe(String(Math.ceil(refused.json().retryAfterMs / 1000)));
    expect((await say(app, "5", withKey(OTHER_KEY))).statusCode).toBe(201);
  });

  it("is told 503 while the store is away, and 507 where it is full; both may be tried again", async () => {
    const store = new FakeStore();
    const app = await openApi({ store });
    store.answers.push({ outcome: "unavailable" }, { outcome: "storage-full" });
    const [away, full] = [await say(app, "hi"), await say(app, "hi")];
    expect([away.statusCode, away.json().code]).toEqual([503, "unavailable"]);
    expect([full.statusCode, full.json().code]).toEqual([507, "storage-full"]);
    for (const answer of [away, full]) {
      expect(answer.json().retryable).toBe(true);
      expect(answer.headers["retry-after"]).toBe("1");
    }
    expect((await say(app, "hi")).statusCode).toBe(201);
  });

  it.each([
    ["a bad room", "/api/rooms/-/messages", { text: "hi" }, 400, "bad-room"],
    ["no text", MESSAGES, {}, 400, "bad-request"],
    ["a text that is none", MESSAGES, { text: 5 }, 400, "bad-request"],
    ["an empty text", MESSAGES, { text: " \u0000 " }, 400, "text-empty"],
    ["a long text", MESSAGES, { text: "x".repeat(2_001) }, 400, "text-too-long"],
    ["the chat's own name", MESSAGES, { text: "hi", handle: "sуstem" }, 400, "bad-handle"],
    ["a list", MESSAGES, ["hi"], 400, "bad-request"],
    ["half an object", MESSAGES, '{"text":', 400, "bad-request"],
    ["nothing", MESSAGES, "", 400, "bad-request"],
    ["too much", MESSAGES, { text: "x".repeat(LIMITS.frameBytes) }, 413, "bad-request"],
  ])("is told what is wrong with %s", async (_what, url, payload, status, code) => {
    const app = await openApi();
    const headers = withKey(KEY, { "content-type": "application/json" });
    const answer = await app.inject({ method: "POST", url, headers, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.json().retryable).toBe(false);
    expect(answer.json().message).toMatch(/^\S.+\.$/);
    expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
  });

  it("is told that the body must be JSON, and that a key is a short word", async () => {
    const app = await openApi();
    const form = { method: "POST", url: MESSAGES, payload: "text=hi" } as const;
    for (const type of ["application/x-www-form-urlencoded", "text/plain"]) {
      const answer = await app.inject({ ...form, headers: withKey(KEY, { "content-type": type }) });
      expect([answer.statusCode, answer.json().code]).toEqual([415, "bad-request"]);
    }
    const keyed = await say(app, "hi", withKey(KEY, { "idempotency-key": "two words" }));
    expect(keyed.json()).toMatchObject({
      code: "bad-request",
      message: expect.stringContaining("idempotency-key"),
    });
  });
});

describe("reading messages over HTTP", () => {
  async function filled(count: number, text = "text") {
    const store = new FakeStore();
    const entries = store.fill("lobby", count, text);
    const app = await openApi({ store });
    const ids = entries.map(({ id }) => id);
    const read = async (query: string) => {
      const { messages, ...rest } = (await app.inject(`${MESSAGES}?${query}`)).json();
      return { ids: messages.map(({ id }: { id: string }) => id), ...rest };
    };
    return { log: store, app, ids, read };
  }

  it("gives the newest, what is before an id, and what is after one, and says whether there is more", async () => {
    const { ids, read } = await filled(120);
    expect(await read("")).toEqual({ ids: ids.slice(-50), more: true });
    expect(await read("limit=200")).toEqual({ ids, more: false });
    expect(await read(`before=${ids[10]}&limit=4`)).toEqual({ ids: ids.slice(6, 10), more: true });
    expect(await read(`before=${ids[2]}`)).toEqual({ ids: ids.slice(0, 2), more: false });
    expect(await read(`after=${ids[10]}&limit=4`)).toEqual({ ids: ids.slice(11, 15), more: true });
    expect(await read(`after=${ids[117]}`)).toEqual({ ids: ids.slice(118), more: false });
    expect(await read(`after=${BEGINNING}&limit=1`)).toEqual({ ids: ids.slice(0, 1), more: true });
    expect(await read(`after=${ids[119]}`)).toEqual({ ids: [], more: false });
  });

  it("says so where the store does not continue from the id asked", async () => {
    const { log: store, ids, read } = await filled(20);
    store.trim("lobby", 5);
    expect(await read(`after=${ids[4]}`)).toEqual({ ids: ids.slice(5), more: false });
    expect(await read(`after=${ids[3]}`)).toEqual({ ids: [], more: false, recovered: false });
    expect(await read("after=9-9")).toEqual({ ids: [], more: false, recovered: false });
  });

  it("ends an answer at 256 KiB", async () => {
    const { app, ids, read } = await filled(100, "x".repeat(6_000));
    const page = await read("limit=200");
    expect(page.more).toBe(true);
    expect(page.ids).toEqual(ids.slice(-page.ids.length));
    const { rawPayload } = await app.inject(`${MESSAGES}?limit=200`);
    expect(rawPayload.length).toBeLessThanOrEqual(LIMITS.answerBytes);
    expect(rawPayload.length).toBeGreaterThan(LIMITS.answerBytes / 2);
  });

  it("sends no content to a client that has it: ETag and 304, until there is a new message", async () => {
    const app = await openApi();
    await say(app, "one");
    const first = await app.inject(MESSAGES);
    const tag = String(first.headers["etag"]);
    expect(first.headers["cache-control"]).toBe("private, no-cache");
    for (const given of [tag, `"other", W/${tag}`, "*"]) {
      const again = await app.inject({ url: MESSAGES, headers: { "if-none-match": given } });
      expect([again.statusCode, again.body]).toEqual([304, ""]);
    }
    await say(app, "two");
    const changed = await app.inject({ url: MESSAGES, headers: { "if-none-match": tag } });
    expect([changed.statusCode, changed.json().messages.length]).toEqual([200, 2]);
  });

  it.each([
    "limit=0",
    `limit=${LIMITS.answerMessages + 1}`,
    "limit=ten",
    "limit=true",
    "limit=1.5",
    "limit=1e1",
    "limit=",
    "before=yesterday",
    "after=1",
    "before=1-1&after=1-1",
  ])("is refused with a sentence where the address says %s", async (query) => {
    const answer = await (await openApi()).inject(`${MESSAGES}?${query}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, "bad-request"]);
    const named = query.includes("&") ? "before" : (query.split("=")[0] ?? "");
    expect(answer.json().message).toContain(named);
  });

  it("is refused with 503 while the store is away, never answered from memory", async () => {
    const { log: store, app } = await filled(3);
    store.failing = true;
    for (const url of [MESSAGES, "/api/rooms", "/api/rooms/lobby/presence"]) {
      const answer = await app.inject(url);
      expect([answer.statusCode, answer.json().code]).toEqual([503, "unavailable"]);
      expect(answer.headers["retry-after"]).toBe("1");
    }
    store.failing = false;
    expect((await app.inject(MESSAGES)).json().messages).toHaveLength(3);
    expect((await app.inject("/api/rooms")).json().rooms).toHaveLength(1);
  });
});

describe("rooms and people over HTTP", () => {
  it("lists the rooms that have messages, the one with the newest message first, with the users in them", async () => {
    const store = new FakeStore();
    const [old, young] = [store.store("attic"), store.store("lobby")];
    store.elsewhere.set("attic", [{ id: "ann", handle: "Ann", instances: ["elsewhere"] }]);
    const app = await openApi({ store });
    expect((await app.inject("/api/rooms")).json()).toEqual({
      rooms: [
        { room: "lobby", last: young.id, count: 0 },
        { room: "attic", last: old.id, count: 1 },
      ],
    });
  });

  it("tells who is in a room, over all processes, without entering it", async () => {
    const store = new FakeStore();
    store.elsewhere.set("attic", [{ id: "ann", handle: "Ann", instances: ["elsewhere"] }]);
    const app = await openApi({ store });
    const people = (await app.inject("/api/rooms/attic/presence")).json();
    expect(people).toEqual({ count: 1, users: [{ id: "ann", handle: "Ann" }] });
    expect(store.subscribers.size).toBe(0);
  });

  it("gives only the number of a crowd", async () => {
    const store = new FakeStore();
    const crowd = Array.from({ length: LIMITS.presenceNames + 1 }, (_, i) => ({
      id: `u${i}`,
      handle: `U${i}`,
    }));
    store.elsewhere.set(
      "attic",
      crowd.map((person) => ({ ...person, instances: ["elsewhere"] })),
    );
    const app = await openApi({ store });
    const people = (await app.inject("/api/rooms/attic/presence")).json();
    expect(people).toEqual({ count: crowd.length, users: [] });
  });
});

describe("every answer below /api", () => {
  it.each([
    ["GET", "/api"],
    ["GET", "/api/"],
    ["GET", "/api/nothing"],
    ["GET", "/api/rooms/lobby"],
    ["DELETE", MESSAGES],
    ["PUT", "/api/rooms"],
  ] as const)("is {code, message, retryable} also for %s %s, which is not there", async (method, url) => {
    const answer = await (await openApi()).inject({ method, url });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      code: "not-found",
      message: expect.stringContaining(url),
      retryable: false,
    });
  });

  it.each([
    ["/api/rooms/%zz/messages", 400, "bad-request"],
    [`/api/rooms/${"x".repeat(200)}/messages`, 400, "bad-room"],
    [`/api/rooms/${"x".repeat(200)}/nothing`, 404, "not-found"],
  ])("is one also for an address that is none: %s", async (url, status, code) => {
    const app = await buildApp(readSettings({}), pino({ level: "silent" }), "here");
    afterwards(() => app.close());
    const answer = await app.inject(url);
    expect([answer.statusCode, answer.json().code, answer.json().retryable]).toEqual([status, code, false]);
  });

  it("comes while the process drains, too", async () => {
    const app = await openApi();
    await say(app, "before");
    void app.dynochat.sockets.drain.begin();
    expect((await say(app, "meanwhile")).statusCode).toBe(201);
    expect((await app.inject(MESSAGES)).json().messages).toHaveLength(2);
  });

  it("names codes that the protocol has, and their statuses", async () => {
    const app = await openApi();
    const answers = [await app.inject("/api/x"), await say(app, ""), await say(app, "x", {})];
    for (const answer of answers) expect(Object.keys(ERRORS)).toContain(answer.json().code);
  });

  it.each(["/api/rooms", "/api/rooms/lobby/messages"])(
    "of %s waits where an address asks too often, and is refused where it would wait for long, which harms no other",
    async (url) => {
      const app = await openApi({ addressRequestsPerSecond: 10 });
      const ask = (remoteAddress: string) => app.inject({ url, remoteAddress });
      const answers = await Promise.all(Array.from({ length: 400 }, () => ask("192.0.2.1")));
      const statuses = new Set(answers.map(({ statusCode }) => statusCode));
      expect([...statuses].sort()).toEqual([200, 429]);
      expect(app.dynochat.chat.counters.limited.get("http-requests")).toBeGreaterThan(0);
      const [refused] = answers.filter(({ statusCode }) => statusCode === 429);
      expect(refused?.json()).toMatchObject({ code: "rate-limited", retryable: true });
      expect(Number(refused?.headers["retry-after"])).toBeGreaterThan(0);
      expect((await ask("192.0.2.2")).statusCode).toBe(200);
      expect((await app.inject({ url: "/livez", remoteAddress: "192.0.2.1" })).statusCode).toBe(200);
    },
  );

  it("does not change the embedding app", async () => {
    const app = await openApi({ page: false });
    expect((await app.inject("/api/elsewhere")).json()).toMatchObject({ error: "Not Found" });
    const answer = await app.inject("/elsewhere");
    expect(answer.json()).toMatchObject({ statusCode: 404, error: "Not Found" });
    expect(answer.headers["cross-origin-resource-policy"]).toBeUndefined();
  });
});

describe("a room whose name is too long", () => {
  const long = (length: number, route: string) => `/api/rooms/${"x".repeat(length)}/${route}`;

  it.each([65, 100, 101, 300, 8_000])("is a bad room at every route, with %d letters", async (length) => {
    const app = await openApi({ page: false });
    for (const route of ["messages", "messages?limit=1", "events", "presence"]) {
      const answer = await app.inject(long(length, route));
      expect([route, answer.statusCode, answer.json().code]).toEqual([route, 400, "bad-room"]);
    }
    const payload = { text: "hi" };
    const url = long(length, "messages");
    const said = await app.inject({ method: "POST", url, headers: withKey(), payload });
    expect([said.statusCode, said.json().code]).toEqual([400, "bad-room"]);
    const head = await app.inject({ method: "HEAD", url });
    expect(head.statusCode).toBe(400);
    const encoded = await app.inject(`/api/rooms/${"%C3%A9".repeat(length)}/messages`);
    expect([encoded.statusCode, encoded.json().code]).toEqual([400, "bad-room"]);
  });

  it("leaves the other addresses to the embedding app, and short names that are written long to the room", async () => {
    const app = fastify();
    afterwards(() => app.close());
    app.all("/api/*", async () => "the app's own");
    await app.register(dynochat, { page: false });
    for (const url of [long(300, "orders"), long(300, "messages/1"), "/api/rooms/lobby/orders"]) {
      expect((await app.inject(url)).body).toBe("the app's own");
    }
    expect((await app.inject({ method: "DELETE", url: long(300, "messages") })).body).toBe("the app's own");
    expect((await app.inject(long(300, "messages"))).json().code).toBe("bad-room");
    expect((await app.inject(`/api/rooms/${"%41".repeat(30)}/messages`)).statusCode).toBe(200);
  });
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: { readonly $ref?: string } }>;
  };
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>;
}

describe("the description at /api/openapi.json", () => {
  it("names every route with its parameters, its answers and how it fails", async () => {
    const app = await openApi();
    const description = (await app.inject("/api/openapi.json")).json();
    expect(description.openapi).toBe("3.1.0");
    const { paths } = description;
    expect(Object.keys(paths).sort()).toEqual([
      "/api/access",
      "/api/events",
      "/api/openapi.json",
      "/api/origin",
      "/api/recheck",
      "/api/reports",
      "/api/reports/{report}",
      "/api/rooms",
      "/api/rooms/{room}/access",
      "/api/rooms/{room}/events",
      "/api/rooms/{room}/messages",
      "/api/rooms/{room}/presence",
      "/api/rooms/{room}/recheck",
      "/api/rooms/{room}/reports",
      "/api/session",
      "/api/sign-out",
    ]);
    const { get, post } = paths["/api/rooms/{room}/messages"];
    expect(get.parameters.map(({ name }: { name: string }) => name).sort()).toEqual([
      "after",
      "before",
      "limit",
      "room",
    ]);
    expect(Object.keys(post.responses).sort()).toEqual(["200", "201", "4XX", "5XX"]);
    const { schemas } = description.components;
    const failure = post.responses["4XX"].content["application/json"].schema;
    expect(failure).toEqual({ $ref: "#/components/schemas/Failure" });
    expect(schemas.Failure.properties.code.enum).toEqual(Object.keys(ERRORS));
    const body = post.requestBody.content["application/json"].schema;
    expect(body).toEqual({ $ref: "#/components/schemas/NewMessage" });
    expect(schemas.NewMessage.required).toEqual(["text"]);
  });

  it("has what generators and linters ask for: servers, operations with names and security, named schemas", async () => {
    const description = (await (await openApi()).inject("/api/openapi.json")).json();
    expect(description.servers).toEqual([expect.objectContaining({ url: "/" })]);
    expect(description.info.license).toEqual({ name: "MIT", identifier: "MIT" });
    const tags = description.tags.map(({ name }: { name: string }) => name);
    const { schemas, securitySchemes } = description.components;
    const operations = Object.values<Record<string, Operation>>(description.paths).flatMap((path) =>
      Object.values(path),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const operation of operations) {
      expect(operation.operationId).toMatch(/^[a-z]+[A-Za-z]+$/);
      expect([operation.summary, operation.description]).not.toContain(undefined);
      for (const tag of operation.tags) expect(tags).toContain(tag);
      for (const scheme of operation.security.flatMap(Object.keys))
        expect(securitySchemes).toHaveProperty(scheme);
      for (const status of ["4XX", "5XX"]) {
        const failure = operation.responses[status]?.content["application/json"]?.schema;
        expect(failure).toEqual({ $ref: "#/components/schemas/Failure" });
      }
    }
    const text = JSON.stringify(description);
    const references = Array.from(
      text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
      ([, name]) => name,
    );
    // Every schema is used, and every use is there.
    expect(new Set(references)).toEqual(new Set(Object.keys(schemas)));
    for (const schema of Object.values<object>(schemas)) {
      const elsewhere = text.split(JSON.stringify(schema)).length - 1;
      expect(elsewhere).toBe(1);
    }
  });
});
