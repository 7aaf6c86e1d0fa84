import { describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "../../../src/settings/settings.ts";
import { HostPolicy } from "../../../src/transport/hosts.ts";
import { connectPlain } from "../../kit/clients/plain-client.ts";
import { refusalOf } from "../../kit/clients/recorded-socket.ts";
import { RecordingLogger } from "../../kit/logger.ts";
import { KEY, MESSAGES, openApi, withKey } from "../../kit/servers/api.ts";

/**
 * What a request for that host is answered where ALLOWED_HOSTS is read as a start reads it; undefined = it is
 * served.
 */
function refusalFor(allowed: string | undefined, host: string | undefined, forwardedHost = host) {
  const { allowedHosts } = readSettings(allowed === undefined ? {} : { ALLOWED_HOSTS: allowed });
  const logger = new RecordingLogger();
  const request = { headers: { host }, host: forwardedHost ?? "" };
  return { sentence: new HostPolicy(allowedHosts, logger).refusal(request), lines: logger.lines };
}

const LIST = "chat.example, *.chat.example, 127.0.0.1, [::1]";

describe("a request", () => {
  it.each(["evil.example", "127.0.0.1", undefined, "", "no host"])(
    "for %s is served where no hosts are named",
    (host) => expect(refusalFor(undefined, host).sentence).toBeUndefined(),
  );

  it.each([
    ...["chat.example", "chat.example:3000", "CHAT.example", "chat.example.", "a.b.chat.example"],
    ...["127.0.0.1:3000", "[::1]:3000", "[0:0:0:0:0:0:0:1]"],
  ])("for %s is served where it is named", (host) => {
    expect(refusalFor(LIST, host).sentence).toBeUndefined();
  });

  it.each(["evil.example", "chat.example.evil.example", "evilchat.example", "10.0.0.1", "chat.example@evil"])(
    "for %s is refused with a sentence, and a log line",
    (host) => {
      const { sentence, lines } = refusalFor(LIST, host);
      expect(sentence).toBe(`This server does not serve the host ${host}.`);
      expect(lines).toMatchObject([{ level: "warn", fields: { event: "host-refused", host } }]);
    },
  );

  it.each([undefined, ""])("for no host (%s) is refused", (host) => {
    expect(refusalFor(LIST, host).sentence).toMatch(/^This server does not serve/);
  });

  it("is judged by every host that it names behind a proxy", () => {
    expect(refusalFor(LIST, "evil.example", "chat.example").sentence).toContain("evil.example");
    expect(refusalFor(LIST, "chat.example", "evil.example").sentence).toContain("evil.example");
    expect(refusalFor(LIST, "chat.example", "a.chat.example").sentence).toBeUndefined();
  });
});

it.each(["https://chat.example", "chat.example:80", "chat.example/x", "*", "a b", "", "*.com"])(
  "ALLOWED_HOSTS=chat.example,%s ends the start",
  (item) => expect(() => readSettings({ ALLOWED_HOSTS: `chat.example,${item}` })).toThrow(SettingsError),
);

const REBOUND = { host: "evil.example:3000", origin: "http://evil.example:3000" };

describe("a page whose name was pointed at this server", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/icon.svg"],
    ["GET", MESSAGES],
    ["POST", MESSAGES],
    ["POST", "/api/session"],
    ["GET", "/api/nowhere"],
    ["GET", "/status"],
    ["GET", "/status/fleet"],
    ["POST", "/status/session"],
    ["GET", "/metrics"],
  ] as const)("is refused with 421 at %s %s", async (method, url) => {
    const app = await openApi({ allowedHosts: ["chat.example"] });
    const answer = await app.inject({ method, url, headers: withKey(KEY, REBOUND) });
    expect(answer.statusCode).toBe(421);
    expect(answer.body).toContain("This server does not serve the host evil.example:3000.");
    const own = await app.inject({ method, url, headers: { ...withKey(), host: "chat.example:3000" } });
    expect(own.statusCode).not.toBe(421);
  });

  it("gets no event stream", async () => {
    const app = await openApi({ allowedHosts: ["chat.example"] });
    const answer = await app.inject({ url: "/api/rooms/lobby/events", headers: REBOUND });
    expect(answer.statusCode).toBe(421);
  });

  it.each(["/livez", "/readyz"])("learns at %s what a probe does", async (url) => {
    const app = await openApi({ allowedHosts: ["chat.example"] });
    expect((await app.inject({ url, headers: { host: "10.0.0.7:3000" } })).statusCode).toBe(200);
  });

  it.each(["/ws", "/", "/websocket"] as const)("opens no socket at %s", async (path) => {
    const app = await openApi({ allowedHosts: ["chat.example"] });
    const url = (await app.listen({ port: 0, host: "127.0.0.1" })).replace("http", "ws");
    const refused = await refusalOf(connectPlain(url, { path, headers: REBOUND }));
    expect([refused.status, refused.body]).toEqual([
      421,
      "This server does not serve the host evil.example:3000.\n",
    ]);
    await connectPlain(url, { path, headers: { host: "chat.example" } });
  });
});

it("the embedding app answers for every host", async () => {
  const app = await openApi({ allowedHosts: ["chat.example"], page: false });
  expect((await app.inject({ url: "/", headers: REBOUND })).statusCode).toBe(404);
});
