import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { readSettings, SettingsError } from "../../../src/settings/settings.ts";
import { OriginPolicy } from "../../../src/transport/origin.ts";
import { connectPlain } from "../../kit/clients/plain-client.ts";
import { refusalOf } from "../../kit/clients/recorded-socket.ts";
import { RecordingLogger } from "../../kit/logger.ts";
import { MESSAGES, openApi } from "../../kit/servers/api.ts";
import { appLog } from "../../kit/servers/app-log.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

interface Asked {
  readonly origin: string | undefined;
  readonly host?: string | undefined;
  /** As Fastify finds it behind a trusted proxy; else that of the request. */
  readonly forwardedHost?: string;
  readonly protocol?: string;
}

/** Whether ALLOWED_ORIGINS, read as a start reads it, allows a request. */
function allows(allowed: string | undefined, asked: Asked): boolean {
  const { origin, host = "chat.example", forwardedHost = host, protocol = "http" } = asked;
  const { allowedOrigins } = readSettings(allowed === undefined ? {} : { ALLOWED_ORIGINS: allowed });
  const policy = new OriginPolicy(allowedOrigins, new RecordingLogger());
  const request = { headers: { origin, host }, host: forwardedHost, protocol: protocol as "http" };
  return policy.refusal(request) === undefined;
}

const LIST = "https://a.example, http://localhost:5173";

describe("the chat's own page", () => {
  it.each([
    ["the same host", "https://chat.example", "chat.example"],
    ["the same host by http", "http://chat.example", "chat.example"],
    ["the same host and port", "http://localhost:3000", "localhost:3000"],
    ["the same host, written in capitals", "https://chat.example", "Chat.Example"],
    ["an origin in capitals", "HTTPS://CHAT.EXAMPLE", "chat.example"],
    ["the default port in the origin", "https://chat.example:443", "chat.example"],
    ["the default port in the host", "https://chat.example", "chat.example:443"],
    ["the default port of http in the host", "http://chat.example", "chat.example:80"],
    ["the port before a proxy that ends TLS", "https://chat.example", "chat.example:80"],
    ["TLS at the default port of http", "https://chat.example:80", "chat.example:80"],
    ["a trailing dot in the host", "https://chat.example", "chat.example."],
    ["a trailing dot in the origin", "https://chat.example.", "chat.example"],
    ["a trailing dot and a port", "https://chat.example", "CHAT.example.:443"],
    ["letters outside of ASCII", "https://xn--mnchen-3ya.example", "m\u00fcnchen.example"],
    ["an IPv6 address", "http://[::1]:3000", "[0:0:0:0:0:0:0:1]:3000"],
  ])("may connect with %s, whether there is a list or not", (_case, origin, host) => {
    expect(allows(undefined, { origin, host })).toBe(true);
    expect(allows(LIST, { origin, host })).toBe(true);
  });

  it.each([
    ["another port", "http://localhost:3001", "localhost:3000"],
    ["another host", "https://evil.example", "chat.example"],
    ["a host that only begins alike", "https://chat.example.evil.example", "chat.example"],
    ["a host that only ends alike", "https://evilchat.example", "chat.example"],
    ["a page of no origin", "null", "chat.example"],
    ["a broken origin", "chat.example", "chat.example"],
    ["an origin with a path", "https://chat.example/x", "chat.example"],
    ["an origin with a user", "https://chat.example@evil.example", "chat.example"],
    ["a host with a user", "https://evil.example", "chat.example@evil.example"],
    ["an app's page of the same name", "capacitor://chat.example", "chat.example"],
    ["an empty origin", "", "chat.example"],
    ["no host", "https://chat.example", ""],
  ])("is not a page with %s", (_case, origin, host) => {
    expect(allows(undefined, { origin, host })).toBe(false);
    expect(allows(LIST, { origin, host })).toBe(false);
  });

  it("is known by the host that a trusted proxy reports, or that it passes on", () => {
    const origin = "https://chat.example";
    expect(allows(undefined, { origin, host: "backend:3000" })).toBe(false);
    expect(allows(undefined, { origin, host: "backend:3000", forwardedHost: "chat.example" })).toBe(true);
    expect(allows(undefined, { origin, host: "chat.example", forwardedHost: "other.example" })).toBe(true);
  });

  it("is not the page without TLS of a chat that is known to have TLS", () => {
    for (const protocol of ["https", "wss", "HTTPS"]) {
      expect(allows(undefined, { origin: "http://chat.example", protocol })).toBe(false);
      expect(allows(undefined, { origin: "https://chat.example", protocol })).toBe(true);
    }
    // A proxy that ends TLS may say http.
    expect(allows(undefined, { origin: "https://chat.example", protocol: "http" })).toBe(true);
  });

  it("is not refused by a program, which sends no origin", () => {
    expect(allows(undefined, { origin: undefined })).toBe(true);
    expect(allows(LIST, { origin: undefined })).toBe(true);
  });
});

describe("a page that ALLOWED_ORIGINS names", () => {
  it.each([
    ["https://a.example", "https://a.example", true],
    ["https://a.example", "HTTPS://A.EXAMPLE", true],
    ["https://A.example:443/", "https://a.example", true],
    ["http://a.example:80", "http://a.example", true],
    ["https://a.example.", "https://a.example", true],
    ["https://a.example", "http://a.example", false],
    ["https://a.example", "https://a.example:8443", false],
    ["https://a.example:8443", "https://a.example:8443", true],
    ["https://m\u00fcnchen.example", "https://xn--mnchen-3ya.example", true],
    ["http://[0:0::1]:3000", "http://[::1]:3000", true],
    ["capacitor://localhost", "capacitor://localhost", true],
    ["capacitor://LocalHost", "capacitor://localhost", true],
    ["tauri://localhost", "tauri://localhost", true],
    [
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      true,
    ],
    [
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba",
      false,
    ],
    ["capacitor://localhost", "https://localhost", false],
    ["https://*.example.com", "https://a.example.com", true],
    ["https://*.example.com", "https://a.b.example.com", true],
    ["https://*.Example.com:8443", "https://a.example.com:8443", true],
    ["https://*.m\u00fcnchen.example", "https://a.xn--mnchen-3ya.example", true],
    ["http://*.localhost:3000", "http://shop.localhost:3000", true],
    ["https://*.example.com", "https://example.com", false],
    ["https://*.example.com", "https://evilexample.com", false],
    ["https://*.example.com", "https://a.example.com.evil.example", false],
    ["https://*.example.com", "http://a.example.com", false],
    ["https://*.example.com", "https://a.example.com:8443", false],
    ["*", "https://anybody.example", true],
    ["*", "null", true],
  ])("by %s and comes from %s may connect: %s", (allowed, origin, may) => {
    expect(allows(allowed, { origin })).toBe(may);
  });
});

function problemOf(allowed: string): string {
  try {
    readSettings({ ALLOWED_ORIGINS: allowed });
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${allowed}`);
}

describe("an item of ALLOWED_ORIGINS that no page can match", () => {
  it.each([
    ["example.com", "no scheme"],
    ["localhost:3000", "no scheme"],
    ["//example.com", "no scheme"],
    ["https://example.com/chat", "more than a scheme, a host and a port"],
    ["https://example.com?x=1", "more than a scheme, a host and a port"],
    ["https://user@example.com", "more than a scheme, a host and a port"],
    ["https://example.com,", "an item is empty"],
    ["https://example.com,*", "* stands alone"],
    ["null", "sandboxed pages of every site"],
    ["wss://example.com", "no page has the scheme"],
    ["file:///tmp", "no page has the scheme"],
    ["https://a*.example.com", "not the left-most label"],
    ["https://a.*.example.com", "not the left-most label"],
    ["https://*.*.example.com", "not the left-most label"],
    ["https://*", "not the left-most label"],
    ["https://example.com:*", "not the left-most label"],
    ["*://example.com", "no scheme"],
    ["https://*.com", "everybody below .com"],
    ["https://*.127.0.0.1", "an address has no subdomains"],
    ["http://*.[::1]:3000", "an address has no subdomains"],
    ["https://", "no valid host"],
    ["capacitor://", "no valid host"],
    ["https://a..example", "no valid host"],
    ["https://a.example:99999", "no valid host or port"],
  ])("ends the start with the reason: %s", (allowed, reason) => {
    expect(problemOf(allowed)).toContain(reason);
  });

  it("does not exist among those that are accepted", () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9*\u00fc_-]{0,6}$/);
    const host = fc.oneof(
      fc.array(label, { maxLength: 4 }).map((labels) => labels.join(".")),
      fc.constantFrom("localhost", "127.0.0.1", "[::1]", "*.example.com", "*", "example.com."),
    );
    const scheme = fc.constantFrom(
      ...[
        "https",
        "http",
        "HTTPS",
        "capacitor",
        "tauri",
        "chrome-extension",
        "wss",
        "file",
        "data",
        "x",
        "",
        "1",
      ],
    );
    const port = fc.oneof(
      fc.constantFrom("", ":", ":443", ":80", ":*"),
      fc.nat(70_000).map((n) => `:${n}`),
    );
    const rest = fc.constantFrom("", "", "", "/", "/path", "?q", "#f", "@x");
    const item = fc.tuple(scheme, host, port, rest).map(([s, h, p, r]) => `${s}://${h}${p}${r}`);
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(item, fc.string()), (text) => {
        try {
          if (readSettings({ ALLOWED_ORIGINS: text }).allowedOrigins === undefined) return;
        } catch (error) {
          if (error instanceof SettingsError) return;
          throw error;
        }
        accepted += 1;
        if (text.trim() === "*" || text.includes(",")) return;
        // What a browser would send from a page at that address, or from one of its subdomains.
        const page = new URL(text.trim().replace("://*.", "://sub."));
        const origin = `${page.protocol}//${page.host}`;
        expect(allows(text, { origin, host: "elsewhere.example" })).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

describe("a page that is refused", () => {
  const headers = { origin: "https://blog.example", host: "chat.example" };

  it("is told its address, by a socket and over HTTP, where its script may read that", async () => {
    const app = await openApi();
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const sentence = "This page's address (https://blog.example) is not allowed by the server.";
    const socket = await refusalOf(connectPlain(url.replace("http", "ws"), { headers }));
    expect(socket.status).toBe(403);
    const answer = await app.inject({ method: "POST", url: "/api/origin", headers });
    expect([answer.statusCode, answer.headers["access-control-allow-origin"]]).toEqual([403, "*"]);
    expect(answer.json()).toEqual({ code: "forbidden", message: sentence, retryable: false });
    expect((await app.inject({ url: MESSAGES, headers })).json().message).toBe(sentence);
  });

  it("is accepted by the same check if it is allowed", async () => {
    const app = await openApi({ allowedOrigins: ["https://blog.example"] });
    const own = { origin: "https://chat.example", host: "chat.example:443" };
    for (const each of [headers, own]) {
      const answer = await app.inject({ method: "POST", url: "/api/origin", headers: each });
      expect([answer.statusCode, answer.body]).toEqual([204, ""]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("is logged at most once every 10 s, with its origin and the host it asked for", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    afterwards(() => vi.useRealTimers());
    const log = appLog();
    const app = await openApi({}, log.server);
    for (let i = 0; i < 20; i += 1) await app.inject({ url: MESSAGES, headers });
    vi.advanceTimersByTime(9_999);
    await app.inject({ url: MESSAGES, headers });
    vi.advanceTimersByTime(1);
    await app.inject({ url: MESSAGES, headers: { origin: "x".repeat(5_000), host: "h".repeat(5_000) } });
    expect(log.lines("origin-refused")).toMatchObject([
      { level: 40, origin: "https://blog.example", host: "chat.example", count: 1 },
      { level: 40, origin: "x".repeat(200), host: "h".repeat(200), count: 21 },
    ]);
  });
});
