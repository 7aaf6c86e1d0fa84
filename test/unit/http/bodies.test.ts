import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { dynochat } from "../../../src/plugin.ts";
import { KEY, MESSAGES, openApi, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const JSON_TYPE = "application/json";
const LATIN1 = Buffer.from('{"text":"Caf\u00e9"}', "latin1");
const UTF8 = Buffer.from('{"text":"Caf\u00e9"}');

const REFUSED: readonly (readonly [string, Buffer, number])[] = [
  [JSON_TYPE, LATIN1, 400],
  [`${JSON_TYPE}; charset=utf-8`, LATIN1, 400],
  [`${JSON_TYPE}; charset=ISO-8859-1`, LATIN1, 415],
  [`${JSON_TYPE};charset="latin1"`, UTF8, 415],
  [`${JSON_TYPE}; charset=utf-8; charset=latin1`, UTF8, 415],
  // Half of a surrogate pair, UTF-16, and a text that ends within a character.
  [JSON_TYPE, Buffer.from('{"text":"\xed\xa0\x80"}', "latin1"), 400],
  [JSON_TYPE, Buffer.from('{"text":"x"}', "utf16le"), 400],
  [JSON_TYPE, UTF8.subarray(0, -3), 400],
];

describe.each([MESSAGES, "/api/session", "/status/session"])("a body for %s", (url) => {
  it("that is not UTF-8, or is declared as something else, is refused and nothing is stored", async () => {
    const app = await openApi();
    for (const [type, payload, status] of REFUSED) {
      const headers = withKey(KEY, { "content-type": type });
      const answer = await app.inject({ method: "POST", url, headers, payload });
      expect([type, answer.statusCode, answer.json().code]).toEqual([type, status, "bad-request"]);
      expect(answer.json().message).toMatch(/UTF-8|JSON/);
    }
    const headers = withKey(KEY, { "content-type": JSON_TYPE, "content-encoding": "gzip" });
    const compressed = await app.inject({ method: "POST", url, headers, payload: UTF8 });
    expect([compressed.statusCode, compressed.json().code]).toEqual([415, "bad-request"]);
    expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
  });
});

it.each([JSON_TYPE, `${JSON_TYPE}; charset=utf-8`, `${JSON_TYPE};charset="UTF8"`])(
  "a body in UTF-8 is stored as it came: %s",
  async (type) => {
    const app = await openApi();
    const headers = withKey(KEY, { "content-type": type });
    const answer = await app.inject({ method: "POST", url: MESSAGES, headers, payload: UTF8 });
    expect(answer.statusCode).toBe(201);
    expect((await app.inject(MESSAGES)).json().messages[0].text).toBe("Caf\u00e9");
  },
);

it.each([
  ["the key", { "idempotency-key": "caf\u00e9" }, 400],
  ["the bearer", { authorization: "Bearer caf\u00e9-caf\u00e9-caf\u00e9-caf\u00e9" }, 401],
])("bytes that are no ASCII in %s are refused", async (_what, headers, status) => {
  const app = await openApi();
  const given = { ...withKey(KEY, { "content-type": JSON_TYPE }), ...headers };
  const answer = await app.inject({ method: "POST", url: MESSAGES, headers: given, payload: UTF8 });
  expect(answer.statusCode).toBe(status);
  expect((await app.inject(MESSAGES)).json().messages).toEqual([]);
});

it.each(["before=%ff", "after=%c3", "limit=%e9"])(
  "a query that is no UTF-8 is refused: %s",
  async (query) => {
    const answer = await (await openApi()).inject(`${MESSAGES}?${query}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, "bad-request"]);
  },
);

describe("an embedding app", () => {
  it("keeps its own body parsers, and the chat keeps its own", async () => {
    const app = fastify();
    afterwards(() => app.close());
    app.removeContentTypeParser(JSON_TYPE);
    app.addContentTypeParser(JSON_TYPE, { parseAs: "buffer" }, (_request, body, done) =>
      done(null, { body }),
    );
    app.addContentTypeParser("*", (_request, _payload, done) => done(null, "anything"));
    app.post("/own", async (request) => request.body);
    await app.register(dynochat, { apiKeys: [KEY], page: false });
    const own = (type: string) =>
      app.inject({ method: "POST", url: "/own", headers: { "content-type": type }, payload: LATIN1 });
    expect((await own(JSON_TYPE)).json().body.data).toEqual([...LATIN1]);
    expect((await own("text/csv")).body).toBe("anything");
    const headers = withKey(KEY, { "content-type": JSON_TYPE });
    const said = await app.inject({ method: "POST", url: MESSAGES, headers, payload: UTF8 });
    expect(said.statusCode).toBe(201);
    const form = { ...headers, "content-type": "text/plain" };
    expect(
      (await app.inject({ method: "POST", url: MESSAGES, headers: form, payload: UTF8 })).statusCode,
    ).toBe(415);
  });
});
