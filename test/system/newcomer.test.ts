import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSettings } from "../../src/settings/settings.ts";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { Account } from "../kit/platform/account.ts";
import { buildSlug, discard, type Slug } from "../kit/platform/slug.ts";
import { ROOT } from "../kit/servers/program.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

/** The commands of the README's section on the platform, as they stand there. */
async function deployCommands(): Promise<string[]> {
  const readme = await readFile(`${ROOT}README.md`, "utf8");
  const section = readme.split(/^## /m).find((part) => part.startsWith("Deploy it on Heroku")) ?? "";
  return (/```sh\n([^`]*)```/.exec(section)?.[1] ?? "").trim().split("\n");
}

/** Built once: a second push of the same tree would be the same. */
let slug: Promise<Slug> | undefined;

afterAll(async () => {
  if (slug !== undefined) await discard(await slug);
});

function newAccount(): Account {
  const account = new Account(() => {
    slug ??= buildSlug({ packages: "here" });
    return slug;
  });
  afterwards(() => account.close());
  return account;
}

/** Connects clients through the router until every dyno has one; all of them get what one of them sends. */
async function expectOneChat({ app }: Account, text: string): Promise<void> {
  await Promise.all(app.dynos.map(({ server }) => server.ready()));
  const come = () => connectV1(app.router.wsUrl, { room: "lobby" });
  const people = [await come(), await come()];
  const visited = () => app.dynos.every(({ server }) => server.logs().some(({ event }) => event === "open"));
  await waitFor(async () => visited() || !people.push(await come()), "every dyno has somebody");
  await people[0]!.say("lobby", text);
  await Promise.all(people.map((person) => person.waitForText(text)));
}

describe("a new operator who follows the README", () => {
  it("has a chat in the end, and each command does what is expected of it", {
    timeout: 120_000,
  }, async () => {
    const account = newAccount();
    const commands = await deployCommands();
    expect(commands).toHaveLength(5);
    const [create = "", redis = "", config = "", push = "", scale = ""] = commands;

    expect(await account.type(create)).toContain("an app without a release");
    expect((await fetch(account.app.router.url)).status).toBe(503);

    expect(await account.type(redis)).toContain("REDIS_URL");
    expect(account.app.config["REDIS_URL"]).toMatch(/^rediss:\/\/:/);

    expect(await account.type(config)).toContain("config vars");
    const settings = readSettings(account.app.config);
    expect(settings.redisTlsVerify).toBe(false);
    expect(settings.secret).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);

    expect(await account.type(push)).toContain("one web dyno");
    const packages = await readdir(join((await slug)!.folder, "node_modules"));
    expect(packages).toContain("fastify");
    expect(packages).not.toContain("typescript");
    expect(account.app.dynos.map(({ name, state }) => [name, state])).toEqual([["web.1", "up"]]);
    await expectOneChat(account, "one dyno");
    const page = await fetch(account.app.router.url);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    const terminal = await connectPlain(account.app.router.wsUrl);
    terminal.send({ handle: "Ada", text: "hi" });
    expect(await terminal.waitFor(({ text }) => text === "hi")).toMatchObject({ handle: "Ada" });

    expect(await account.type(scale)).toContain("that many web dynos");
    expect(account.app.dynos.filter(({ state }) => state === "up")).toHaveLength(3);
    await expectOneChat(account, "three dynos");
  });

  it("who presses the button has the same", { timeout: 120_000 }, async () => {
    const account = newAccount();
    const path = await account.pressButton();
    expect(account.app.dynos.filter(({ state }) => state === "up")).toHaveLength(3);
    await expectOneChat(account, "by the button");
    expect((await fetch(new URL(path, account.app.router.url))).status).toBe(200);
  });

  it("who types anything else is told that the command is unknown", async () => {
    const account = newAccount();
    await expect(account.type("heroku ps:scale web=3:basic")).rejects.toThrow("at most");
    await expect(account.type("heroku apps:destroy")).rejects.toThrow("unknown command");
  });
});
