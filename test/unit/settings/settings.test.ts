import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "../../../src/settings/settings.ts";
import { SETTINGS } from "../../../src/settings/table.ts";
import { envExample, settingsTable } from "../../kit/documents/settings-tables.ts";
import { makeCertificates } from "../../kit/servers/certificates.ts";

const root = new URL("../../../", import.meta.url);

function refusalOf(env: Record<string, string>): string {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify(env)}`);
}

describe("settings", () => {
  it("have the documented defaults in an empty environment", () => {
    expect(readSettings({})).toEqual({
      port: 3000,
      host: undefined,
      redisUrl: undefined,
      redisTlsVerify: true,
      redisCa: undefined,
      redisPrefix: "dynochat:",
      redisMinReplicas: 0,
      defaultRoom: "lobby",
      historyMessages: 1000,
      historyDays: 30,
      historyBytes: 1024 * 1024,
      maxTextLength: 2000,
      messagesPerSecond: 5,
      messageBurst: 10,
      addressMessagesPerSecond: 60,
      roomGuestMessagesPerSecond: 100,
      newRoomsPerAddress: 100,
      newWritersPerAddress: 300,
      addressBytesPerSecond: 32_768,
      newRoomsPerUser: 50,
      userBytesPerSecond: 8_192,
      programFactor: 20,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 1000,
      maxConnectionsPerUser: 100,
      connectsPerSecondPerAddress: 50,
      maxRoomsPerConnection: 50,
      maxRoomsPerAddress: 10_000,
      maxRoomsPerUser: 500,
      requestsPerSecond: 50,
      addressRequestsPerSecond: 500,
      allowedOrigins: undefined,
      allowedHosts: undefined,
      pingSeconds: 15,
      greeting: undefined,
      secret: undefined,
      tokenSecret: undefined,
      tokenJwksUrl: undefined,
      tokenRequired: false,
      tokenUrl: undefined,
      guests: "write",
      privateRooms: [],
      apiKeys: undefined,
      webConcurrency: 1,
      metrics: "open",
      maxLoopDelayMs: 300,
      batchWindowMs: 5,
      shutdownSeconds: 20,
      logLevel: "info",
      trustProxy: false,
    });
  });

  it("treat an empty variable as one that is not set", () => {
    const empty = Object.fromEntries(Object.values(SETTINGS).map(({ names }) => [names[0], ""]));
    expect(readSettings({ ...empty, DYNO: "" })).toEqual(readSettings({}));
  });

  it("take a well-formed value of every variable", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const env = {
      PORT: "8080",
      HOST: "127.0.0.1",
      REDIS_URL: "rediss://user:p%40ss@redis.example:6380/2",
      REDIS_TLS_VERIFY: "false",
      REDIS_PREFIX: "app:",
      REDIS_MIN_REPLICAS: "1",
      DEFAULT_ROOM: "hall",
      HISTORY_MESSAGES: "20",
      HISTORY_DAYS: "2",
      HISTORY_BYTES: "65536",
      MAX_TEXT_LENGTH: "140",
      MESSAGES_PER_SECOND: "0",
      MESSAGE_BURST: "1",
      NEW_ROOMS_PER_ADDRESS: "0",
      NEW_WRITERS_PER_ADDRESS: "0",
      ADDRESS_BYTES_PER_SECOND: "0",
      MAX_CONNECTIONS: "0",
      MAX_CONNECTIONS_PER_ADDRESS: "7",
      CONNECTS_PER_SECOND_PER_ADDRESS: "9",
      MAX_ROOMS_PER_CONNECTION: "3",
      MAX_ROOMS_PER_ADDRESS: "0",
      PING_SECONDS: "1",
      GREETING: "Welcome home!",
      SECRET: secret,
      TOKEN_SECRET: `${secret}, ${secret}-before`,
      TOKEN_ISSUER: "https://login.example",
      TOKEN_AUDIENCE: "chat",
      TOKEN_JWKS_URL: "https://example.com/keys.json",
      TOKEN_REQUIRED: "true",
      TOKEN_URL: "/account/chat-token?app=chat&v=2",
      WEB_CONCURRENCY: "2",
      BATCH_WINDOW_MS: "0",
      SHUTDOWN_SECONDS: "3",
      LOG_LEVEL: "debug",
      TRUST_PROXY: "true",
    };
    expect(readSettings(env)).toMatchObject({
      port: 8080,
      host: "127.0.0.1",
      redisUrl: env.REDIS_URL,
      redisTlsVerify: false,
      redisPrefix: "app:",
      redisMinReplicas: 1,
      defaultRoom: "hall",
      historyMessages: 20,
      historyDays: 2,
      historyBytes: 65_536,
      maxTextLength: 140,
      messagesPerSecond: 0,
      messageBurst: 1,
      newRoomsPerAddress: 0,
      newWritersPerAddress: 0,
      addressBytesPerSecond: 0,
      maxConnections: 0,
      maxConnectionsPerAddress: 7,
      connectsPerSecondPerAddress: 9,
      maxRoomsPerConnection: 3,
      maxRoomsPerAddress: 0,
      pingSeconds: 1,
      greeting: "Welcome home!",
      secret: [secret],
      tokenSecret: [secret, `${secret}-before`],
      tokenIssuer: "https://login.example",
      tokenAudience: "chat",
      tokenJwksUrl: env.TOKEN_JWKS_URL,
      tokenRequired: true,
      tokenUrl: env.TOKEN_URL,
      webConcurrency: 2,
      batchWindowMs: 0,
      shutdownSeconds: 3,
      logLevel: "debug",
      trustProxy: true,
    });
  });

  it("say in one line which variable is wrong, what was given and what is accepted", () => {
    expect(refusalOf({ PORT: "http" })).toBe(
      'PORT: "http" is not accepted, it must be a whole number from 0 to 65535',
    );
    expect(refusalOf({ LOG_LEVEL: "loud" })).toBe(
      'LOG_LEVEL: "loud" is not accepted, it must be one of fatal, error, warn, info, debug, trace, silent',
    );
  });

  it.each([
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80.5"],
    ["PORT", "0x50"],
    ["PORT", "8 0"],
    ["PORT", "1e3"],
    ["HOST", "not a host"],
    ["HOST", "-"],
    ["REDIS_URL", "localhost:6379"],
    ["REDIS_URL", "http://localhost"],
    ["REDIS_URL", "redis://"],
    ["REDIS_URL", "redis://host/zero"],
    ["REDIS_URL", "redis://host/0x"],
    ["REDIS_URL", "/tmp/redis.sock"],
    ["REDIS_CA", ["-----BEGIN CERTIFICATE-----", "nonsense"].join("\n")],
    ["REDIS_TLS_VERIFY", "no"],
    ["REDIS_TLS_VERIFY", "TRUE"],
    ["REDIS_CA", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"],
    ["REDIS_PREFIX", "{chat}"],
    ["REDIS_PREFIX", "a b"],
    ["REDIS_PREFIX", "x".repeat(65)],
    ["DEFAULT_ROOM", "-hall"],
    ["DEFAULT_ROOM", "a room"],
    ["HISTORY_MESSAGES", "0"],
    ["HISTORY_BYTES", "1MiB"],
    ["MAX_TEXT_LENGTH", "2501"],
    ["MESSAGE_BURST", "0"],
    ["PING_SECONDS", "0"],
    ["PING_SECONDS", "51"],
    ["GREETING", "two\nlines"],
    ["GREETING", "x".repeat(501)],
    ["SECRET", "short"],
    ["TOKEN_SECRET", `${"long enough to be one, certainly!"},short`],
    ["TOKEN_JWKS_URL", "http://example.com/keys.json"],
    ["TOKEN_JWKS_URL", "https://user@example.com/keys.json"],
    ["TOKEN_REQUIRED", "true"],
    ["TOKEN_URL", "/chat-token"],
    ["API_KEYS", "short"],
    ["API_KEYS", "0123456789abcdef,"],
    ["WEB_CONCURRENCY", "0"],
    ["SHUTDOWN_SECONDS", "26"],
    ["TRUST_PROXY", "1"],
    ["ALLOWED_ORIGINS", "example.com"],
    ["ALLOWED_ORIGINS", "https://example.com/chat"],
    ["ALLOWED_ORIGINS", "https://user@example.com"],
    ["ALLOWED_ORIGINS", "https://example.com,"],
    ["ALLOWED_ORIGINS", "https://example.com,*"],
    ["ALLOWED_ORIGINS", "null"],
    ["ALLOWED_ORIGINS", "file:///tmp"],
  ])("refuse %s=%j in one line that begins with its name", (name, given) => {
    const line = refusalOf({ [name]: given });
    expect(line).toMatch(new RegExp(`^${name}: `));
    expect(line).not.toContain("\n");
  });

  it.each([
    "chat-token",
    "https://example.com/chat-token",
    "/",
    "//example.com/chat-token",
    "/account//chat-token",
    "/\\example.com/chat-token",
    "/chat token",
    "/chat\ttoken",
    "/\u0000",
    "/größe",
    `/${"x".repeat(501)}`,
  ])("take only a path of the page's own origin as TOKEN_URL, and not %j", (given) => {
    const line = refusalOf({ TOKEN_SECRET: "0123456789abcdef0123456789abcdef", TOKEN_URL: given });
    expect(line).toMatch(/^TOKEN_URL: .+ it must be a path such as \/chat-token: it begins with one \//);
  });

  it("say what is missing where nothing can verify a token that the page gets from TOKEN_URL", () => {
    expect(refusalOf({ TOKEN_URL: "/chat-token" })).toBe(
      'TOKEN_URL: "/chat-token" is not accepted without TOKEN_SECRET or TOKEN_JWKS_URL',
    );
  });

  it.each([
    ["REDIS_URL", "http://user:hunter2-hunter2@host"],
    ["REDISCLOUD_URL", "http://user:hunter2-hunter2@host"],
    ["SECRET", "hunter2-hunter2"],
    ["TOKEN_SECRET", "hunter2-hunter2"],
    ["API_KEYS", "hunter2-hunter2"],
    ["TOKEN_JWKS_URL", "https://user:hunter2-hunter2@host/keys.json"],
  ])("never repeat the value of %s", (name, given) => {
    expect(refusalOf({ [name]: given })).toContain(name);
    expect(refusalOf({ [name]: given })).not.toContain("hunter2");
  });

  it.each([" ", "\n", "\r\n", "\t"])("do not count the blank %j around a value of any kind", (blank) => {
    const secret = "0123456789abcdef0123456789abcdef";
    const env = {
      PORT: "8080",
      HOST: "127.0.0.1",
      REDIS_URL: "redis://host:6379",
      REDIS_TLS_VERIFY: "false",
      REDIS_PREFIX: "app:",
      DEFAULT_ROOM: "hall",
      ALLOWED_ORIGINS: "https://example.com",
      GREETING: "Hello",
      SECRET: secret,
      TOKEN_JWKS_URL: "https://example.com/keys.json",
      API_KEYS: secret,
      LOG_LEVEL: "debug",
      DYNO: "web.1",
    };
    const padded = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, `${blank}${value}${blank}`]),
    );
    expect(readSettings(padded)).toEqual(readSettings(env));
    const empty = Object.fromEntries(Object.keys(env).map((name) => [name, blank]));
    expect(readSettings(empty)).toEqual(readSettings({}));
  });

  it("refuse bytes that are not UTF-8, which would make two secrets the same", () => {
    const decoded = Buffer.from(Array.from({ length: 40 }, (_, index) => 0x80 + index)).toString();
    for (const name of ["SECRET", "TOKEN_SECRET", "GREETING"]) {
      expect(refusalOf({ [name]: decoded })).toMatch(new RegExp(`^${name}: .+ it must be valid UTF-8$`));
    }
  });

  it("take a certificate whose line ends are written as \\n, and every certificate of a bundle", async () => {
    const certificates = await makeCertificates();
    const authority = await readFile(certificates.ca, "utf8");
    await certificates.remove();
    const line = authority.replaceAll("\n", "\\n");
    expect(readSettings({ REDIS_CA: line }).redisCa?.trim()).toBe(authority.trim());
    expect(readSettings({ REDIS_CA: authority + authority }).redisCa).toContain("END");
    const damaged = authority.replace(/^MI/m, "MA");
    expect(refusalOf({ REDIS_CA: authority + damaged })).toMatch(/^REDIS_CA: /);
  });

  it("keep an error short however long the given value is", () => {
    expect(refusalOf({ PORT: "9".repeat(10_000) }).length).toBeLessThan(200);
  });

  it("read the add-ons' other names for the Redis URL where REDIS_URL is missing, in a fixed order", () => {
    const [own, cloud, tls] = ["redis://own:1", "redis://cloud:2", "rediss://tls:3"];
    const env = { REDIS_URL: own, REDISCLOUD_URL: cloud, REDIS_TLS_URL: tls };
    expect(readSettings(env).redisUrl).toBe(own);
    expect(readSettings({ ...env, REDIS_URL: "" }).redisUrl).toBe(cloud);
    expect(readSettings({ REDIS_TLS_URL: tls }).redisUrl).toBe(tls);
  });

  it("normalise allowed origins to what a browser sends", () => {
    const { allowedOrigins } = readSettings({
      ALLOWED_ORIGINS: "https://Example.com/, http://localhost:8080,https://a.example:443",
    });
    expect(allowedOrigins).toEqual(["https://example.com", "http://localhost:8080", "https://a.example"]);
    expect(readSettings({ ALLOWED_ORIGINS: "*" }).allowedOrigins).toBe("*");
  });

  it("take API keys as a list", () => {
    const keys = ["0123456789abcdef", "fedcba9876543210"];
    expect(readSettings({ API_KEYS: keys.join(", ") }).apiKeys).toEqual(keys);
  });

  it("trust the proxy by default only where DYNO is set, and never against an explicit value", () => {
    expect(readSettings({ DYNO: "web.1" }).trustProxy).toBe(true);
    expect(readSettings({ DYNO: "web.1", TRUST_PROXY: "false" }).trustProxy).toBe(false);
  });

  it("name every variable once", () => {
    const names = Object.values(SETTINGS).flatMap((setting) => setting.names);
    expect(new Set(names).size).toBe(names.length);
  });
});

/** Markdown without what a formatter adds to make a table's columns equally wide. */
function unpadded(markdown: string): string {
  return markdown.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
}

describe("the documents", () => {
  it("README.md holds the table of settings as the program has it", async () => {
    const readme = await readFile(new URL("README.md", root), "utf8");
    expect(unpadded(readme)).toContain(unpadded(settingsTable(Object.values(SETTINGS))));
  });

  it(".env.example holds every setting as the program has it", async () => {
    await expect(envExample(Object.values(SETTINGS))).toMatchFileSnapshot("../../../.env.example");
  });

  it("a copy of .env.example changes nothing", async () => {
    const { parse } = await import("dotenv");
    const text = await readFile(new URL(".env.example", root), "utf8");
    expect(parse(text)).toEqual({});
    expect(readSettings(parse(text.replaceAll(/^#(?=[A-Z_]+=)/gm, "")))).toEqual(readSettings({}));
  });
});
