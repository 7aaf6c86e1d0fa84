import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { ROOT } from "../servers/program.ts";
import { App } from "./app.ts";
import { MINI_PLAN, RedisAddon } from "./redis-addon.ts";
import type { Slug } from "./slug.ts";

const run = promisify(execFile);

/** What app.json asks for, as far as the platform's button reads it. */
interface Manifest {
  readonly addons: readonly { readonly plan: string; readonly as: string }[];
  readonly formation: { readonly web: { readonly quantity: number; readonly size: string } };
  readonly env: Readonly<Record<string, { readonly value?: string; readonly generator?: "secret" }>>;
  readonly success_url: string;
}

/** A command of the platform's command line, and its effect here. */
interface Command {
  readonly form: RegExp;
  /** The effect in words, as the platform's documents give it. */
  readonly effect: string;
  carryOut(account: Account, words: readonly string[]): Promise<void>;
}

/** Sizes of which an app has one dyno at most. */
const SINGLE = new Set(["eco", "basic"]);

const COMMANDS: readonly Command[] = [
  {
    form: /^heroku create$/,
    effect: "an app without a release, and its address",
    carryOut: (account) => account.create(),
  },
  {
    form: /^heroku addons:create heroku-redis:mini$/,
    effect: "a Redis of the smallest plan, and REDIS_URL as a config var",
    carryOut: (account) => account.addRedis("REDIS"),
  },
  {
    form: /^heroku config:set( [A-Z_]+=\S+)+$/,
    effect: "config vars, in the environment of every dyno from its next start on",
    carryOut: (account, words) => account.setConfig(words.slice(2)),
  },
  {
    form: /^git push heroku main$/,
    effect: "the committed tree is built as a slug; a release runs it, one web dyno by default",
    carryOut: (account) => account.push(),
  },
  {
    form: /^heroku ps:scale web=\d+:[a-z0-9-]+$/,
    effect: "that many web dynos of that size",
    carryOut: (account, [, , formation = ""]) => account.scale(formation.slice("web=".length)),
  },
];

/**
 * Somebody's account on the platform's stand-in: carries out the commands that the README has, and no others.
 */
export class Account {
  #app: App | undefined;
  #redis: RedisAddon | undefined;
  readonly #build: () => Promise<Slug>;

  /** @param build makes what a push brings. */
  constructor(build: () => Promise<Slug>) {
    this.#build = build;
  }

  /** The app. Throws before there is one. */
  get app(): App {
    if (this.#app === undefined) throw new Error("there is no app yet");
    return this.#app;
  }

  /**
   * Carries out a line as it stands in a document; what a shell would put into it, a shell does. Returns its
   * effect in words. Throws for a command that has none here.
   */
  async type(line: string): Promise<string> {
    const { stdout } = await run("sh", ["-c", `printf '%s ' ${line}`]);
    const words = stdout.trim().split(" ");
    const command = COMMANDS.find(({ form }) => form.test(words.join(" ")));
    if (command === undefined) throw new Error(`unknown command: ${line}`);
    await command.carryOut(this, words);
    return command.effect;
  }

  /** Presses the button: app.json is carried out. Returns the path to which the platform then leads. */
  async pressButton(): Promise<string> {
    const manifest: Manifest = JSON.parse(await readFile(`${ROOT}app.json`, "utf8"));
    await this.create();
    for (const { as } of manifest.addons) await this.addRedis(as);
    const vars = Object.entries(manifest.env).flatMap(([name, { value, generator }]) => {
      const given = generator === "secret" ? randomBytes(32).toString("hex") : value;
      return given === undefined ? [] : [`${name}=${given}`];
    });
    await this.setConfig(vars);
    const { quantity, size } = manifest.formation.web;
    await this.scale(`${quantity}:${size}`);
    await this.push();
    return manifest.success_url;
  }

  async create(): Promise<void> {
    this.#app = await App.create();
  }

  async addRedis(name: string): Promise<void> {
    this.#redis = await RedisAddon.provision(MINI_PLAN);
    await this.app.setConfig({ [`${name}_URL`]: this.#redis.url });
  }

  async setConfig(vars: readonly string[]): Promise<void> {
    const pairs = vars.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
    await this.app.setConfig(Object.fromEntries(pairs));
  }

  async push(): Promise<void> {
    await this.app.deploy(await this.#build());
  }

  async scale(formation: string): Promise<void> {
    const [quantity = "", size = ""] = formation.split(":");
    if (SINGLE.has(size) && Number(quantity) > 1) throw new Error(`an app has one ${size} dyno at most`);
    await this.app.scale(Number(quantity));
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.#app?.destroy();
    await this.#redis?.destroy();
  }
}
