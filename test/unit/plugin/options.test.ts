import { readFile } from "node:fs/promises";
import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { type DynochatOptions, dynochat } from "../../../src/plugin.ts";
import { checkPluginOptions, pluginOptions } from "../../../src/settings/plugin-options.ts";
import { readSettings, SettingsError } from "../../../src/settings/settings.ts";
import { SETTINGS } from "../../../src/settings/table.ts";
import { openApi, say, withKey } from "../../kit/servers/api.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const CHAT_FIELDS = Object.keys(pluginOptions(readSettings({})));

/** Options as a program without types gives them. */
function untyped(options: object): DynochatOptions {
  return options;
}

function refusalOf(options: object): string {
  try {
    checkPluginOptions(untyped(options));
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${Object.keys(options).join(", ")}`);
}

describe("the plugin's options", () => {
  it("end the registration where tokens are required and nothing can verify one", async () => {
    const app = fastify();
    afterwards(() => app.close());
    app.register(dynochat, { tokenRequired: true });
    await expect(app.ready()).rejects.toThrow(
      "tokenRequired: true is not accepted without tokenSecret, tokenJwksUrl or authenticate",
    );
  });

  it("accept that guests are rejected where the app names its users, but no address of tokens", () => {
    const authenticate = () => undefined;
    expect(refusalOf({ guests: "none" })).toBe(
      "guests: none is not accepted without tokenSecret, tokenJwksUrl or authenticate",
    );
    for (const options of [{ tokenRequired: true }, { guests: "none" }] as const)
      expect(checkPluginOptions({ ...options, authenticate })).toMatchObject(options);
    expect(refusalOf({ tokenUrl: "/token", authenticate })).toBe(
      'tokenUrl: "/token" is not accepted without tokenSecret or tokenJwksUrl',
    );
  });

  it("have the defaults of the variables", () => {
    expect(checkPluginOptions({})).toMatchObject({
      ...pluginOptions(readSettings({})),
      ...{ page: true, store: undefined, instance: undefined, processes: 1 },
    });
  });

  it.each([...CHAT_FIELDS, "page", "store", "instance", "processes", "authorize", "authenticate"])(
    "have the default of %s where it is undefined, and do not accept null, a list of lists or a symbol",
    (name) => {
      expect(checkPluginOptions(untyped({ [name]: undefined }))).toEqual(checkPluginOptions({}));
      for (const value of [null, [[]], Symbol("x"), Number.NaN, { a: 1 }]) {
        const line = refusalOf({ [name]: value });
        expect(line).toMatch(new RegExp(`^${name}: .+ is not accepted, it must be `));
        expect(line).not.toContain("\n");
      }
    },
  );

  it.each(["apiKeys", "allowedOrigins"])("do not accept an array of %s with holes", (name) => {
    expect(refusalOf({ [name]: new Array(1) })).toMatch(
      new RegExp(`^${name}: .+ is not accepted, it must be `),
    );
  });

  it("keep every limit that is given as undefined", async () => {
    const app = await openApi({ maxTextLength: undefined, messagesPerSecond: undefined });
    expect((await say(app, "x".repeat(9_000))).json().code).toBe("text-too-long");
    const statuses: number[] = [];
    for (let sent = 0; sent < 12; sent += 1) statuses.push((await say(app, "hi", withKey())).statusCode);
    expect(statuses).toContain(429);
  });

  it.each([
    [{ maxTextLength: "5" }, 'maxTextLength: "5" is not accepted, it must be a whole number from 1 to 2500'],
    [
      { maxTextLength: 2_501 },
      "maxTextLength: 2501 is not accepted, it must be a whole number from 1 to 2500",
    ],
    [{ pingSeconds: 0.5 }, "pingSeconds: 0.5 is not accepted, it must be a whole number from 1 to 50"],
    [{ tokenRequired: "true" }, 'tokenRequired: "true" is not accepted, it must be true or false'],
    [{ page: "no" }, 'page: "no" is not accepted, it must be true or false'],
    [{ metrics: "on" }, 'metrics: "on" is not accepted, it must be one of open, key, off'],
    [
      { allowedOrigins: "https://example.com" },
      'allowedOrigins: "https://example.com" is not accepted, it must be * or an array of origins such as https://example.com',
    ],
    [
      { authenticate: "ann" },
      'authenticate: "ann" is not accepted, it must be a function that returns the user of a request, or undefined',
    ],
    [{ port: 80 }, "port is for the app around the plugin to decide"],
    [{ logLevel: "warn" }, "logLevel is for the app around the plugin to decide"],
    [{ maxTextLenght: 5 }, '"maxTextLenght" is no option; did you mean maxTextLength?'],
    [{ MAX_TEXT_LENGTH: 5 }, '"MAX_TEXT_LENGTH" is no option; did you mean maxTextLength?'],
    [{ colour: "red" }, '"colour" is no option'],
    [{ prefix: "/chat" }, '"prefix" is no option'],
  ])("are refused with one sentence: %j", (options, sentence) => {
    expect(refusalOf(options)).toBe(sentence);
  });

  it.each([
    ["greeting", ""],
    ["redisUrl", "http://user:hunter2@host"],
    ["redisUrl", new URL("redis://user:hunter2@host")],
    ["secret", "hunter2"],
    ["tokenSecret", Buffer.from("hunter2")],
    ["apiKeys", "hunter2-hunter2-hunter2"],
    ["apiKeys", ["hunter2"]],
  ])("are refused without a secret in the sentence: %s", (name, value) => {
    expect(refusalOf({ [name]: value })).toMatch(new RegExp(`^${name}: `));
    expect(refusalOf({ [name]: value })).not.toContain("hunter2");
  });

  it("are used as the variables of the same settings are", () => {
    const env = {
      REDIS_URL: " redis://host:6379\n",
      DEFAULT_ROOM: "hall ",
      MAX_TEXT_LENGTH: "140",
      ALLOWED_ORIGINS: "https://Example.com/, http://localhost:8080",
      SECRET: ` ${SECRET} `,
      TOKEN_SECRET: `${SECRET}, ${SECRET}!`,
      TOKEN_REQUIRED: "true",
      TOKEN_URL: "/chat-token",
      API_KEYS: `${SECRET}, ${SECRET}`,
      METRICS: "key",
    };
    const options = {
      redisUrl: " redis://host:6379\n",
      defaultRoom: "hall ",
      maxTextLength: 140,
      allowedOrigins: ["https://Example.com/", "http://localhost:8080"],
      secret: ` ${SECRET} `,
      tokenSecret: [SECRET, `${SECRET}!`],
      tokenRequired: true,
      tokenUrl: "/chat-token",
      apiKeys: [SECRET, SECRET],
      metrics: "key",
    } as const;
    const settings = pluginOptions(readSettings(env));
    expect(checkPluginOptions(options)).toMatchObject(settings);
    // The program gives the plugin what it has read.
    expect(checkPluginOptions(settings)).toMatchObject(settings);
  });

  it("are described one by one, with the default that the table of settings has", async () => {
    const file = await readFile(new URL("../../../src/settings/plugin-options.ts", import.meta.url), "utf8");
    // A comment of several lines as one.
    const source = file.replaceAll(/\s+\*(?!\/) /g, " ");
    for (const [field, { default: standard, defaultWords }] of Object.entries(SETTINGS)) {
      if (!CHAT_FIELDS.includes(field)) continue;
      const words = defaultWords ?? (standard === undefined ? "none" : String(standard));
      const described = new RegExp(`/\\*\\* ?[^\\n]+ Default: (.+)\\.\\s+\\*/\\n  readonly ${field}\\?: `);
      expect([field, described.exec(source)?.[1]]).toEqual([field, words]);
    }
  });
});
