import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../../src/settings/table.ts";

interface EnvEntry {
  readonly description?: string;
  readonly value?: string;
  readonly generator?: string;
}

interface AppJson {
  readonly env: Readonly<Record<string, EnvEntry>>;
  readonly formation: { readonly web: { readonly quantity: number; readonly size: string } };
  readonly environments: {
    readonly test: { readonly scripts: { readonly test: string } };
    readonly review: { readonly addons: readonly { readonly plan: string }[] };
  };
  readonly [member: string]: unknown;
}

/** Sizes of which an app may have more than one (the platform's documents on dyno types). */
const SEVERAL_ALLOWED = ["standard-1x", "standard-2x", "performance-m", "performance-l"];

async function json<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../../${name}`, import.meta.url), "utf8"));
}

const app = await json<AppJson>("app.json");
const packageJson = await json<{ scripts: Record<string, string>; engines: { node: string } }>(
  "package.json",
);

async function complaints(value: unknown): Promise<unknown> {
  const ajv = new Ajv({ allErrors: true, formats: { uri: (text: string) => URL.canParse(text) } });
  const validate = ajv.compile(await json<object>("test/fixtures/app-json.schema.json"));
  return validate(value) ? [] : validate.errors;
}

describe("app.json", () => {
  it("is what the platform's published schema wants", async () => {
    expect(await complaints(app)).toEqual([]);
  });

  it.each([
    ["a misspelt member", { ...app, formations: {} }],
    ["a size that does not exist", { ...app, formation: { web: { quantity: 3, size: "standard" } } }],
    ["a value that is no string", { ...app, env: { MAX_CONNECTIONS: { value: 10_000 } } }],
    ["an unknown environment", { ...app, environments: { staging: {} } }],
  ])("would be refused with %s", async (_, changed) => {
    expect(await complaints(changed)).not.toEqual([]);
  });

  it("sets only variables that the program reads, to values that it accepts", () => {
    for (const [name, { value, generator, description }] of Object.entries(app.env)) {
      const setting = Object.values(SETTINGS).find(({ names }) => names[0] === name);
      expect(setting, name).toBeDefined();
      expect(description).toMatch(/\w+ \w+/);
      // The platform's generator draws 64 hexadecimal digits.
      const given = generator === "secret" ? "0123456789abcdef".repeat(4) : value;
      if (given !== undefined) expect(setting?.kind.read(given), name).toBeDefined();
    }
  });

  it("draws a secret, and gives Redis under the name that the program reads", () => {
    expect(app.env["SECRET"]).toMatchObject({ generator: "secret" });
    expect(app["addons"]).toEqual([{ plan: "heroku-redis:mini", as: "REDIS" }]);
    expect(SETTINGS.redisUrl.names).toContain("REDIS_URL");
  });

  it("asks for three web dynos, of a size of which there may be several", () => {
    expect(app.formation.web.quantity).toBe(3);
    expect(SEVERAL_ALLOWED).toContain(app.formation.web.size);
  });

  it("leads to the chat page when all is set up", () => {
    expect(app["success_url"]).toBe("/");
  });

  it("has a review environment with a Redis of its own, and tests with a script that is there", () => {
    expect(app.environments.review.addons).toEqual([{ plan: "heroku-redis:mini", as: "REDIS" }]);
    const script = /^npm run (\S+)$/.exec(app.environments.test.scripts.test)?.[1] ?? "";
    expect(Object.keys(packageJson.scripts)).toContain(script);
  });

  it("stands beside what else the platform reads: the Node versions, a build, the Procfile's process", async () => {
    expect(packageJson.engines.node).toBe("20.x || 22.x || 24.x");
    expect(packageJson.scripts["build"]).toBeDefined();
    const procfile = await readFile(new URL("../../../Procfile", import.meta.url), "utf8");
    expect(Object.keys(app.formation)).toEqual([...procfile.matchAll(/^(\w+):/gm)].map(([, type]) => type));
  });
});
