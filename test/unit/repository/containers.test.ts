import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../../src/settings/table.ts";
import { ROOT } from "../../kit/servers/program.ts";

function read(name: string): Promise<string> {
  return readFile(`${ROOT}${name}`, "utf8");
}

/** Instructions of a Dockerfile, continued lines joined, comments left out. */
async function instructions(): Promise<{ name: string; rest: string }[]> {
  const text = (await read("Dockerfile")).replaceAll("\\\n", " ");
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return { name, rest: rest.replace(/\s+/g, " ") };
  });
}

/** Those of the last stage: what runs. */
async function lastStage(): Promise<{ name: string; rest: string }[]> {
  const all = await instructions();
  return all.slice(all.findLastIndex(({ name }) => name === "FROM"));
}

describe("the Dockerfile", () => {
  it("builds in one stage and runs in another, on a Node version that the program supports", async () => {
    const stages = (await instructions()).filter(({ name }) => name === "FROM").map(({ rest }) => rest);
    expect(stages).toHaveLength(2);
    const { engines } = JSON.parse(await read("package.json"));
    for (const stage of stages) {
      const major = /^node:(\d+)-slim\b/.exec(stage)?.[1];
      expect(engines.node).toContain(`${major}.x`);
    }
  });

  it("builds as the platform does: the lockfile's packages, the build, nothing of development left", async () => {
    const commands = (await instructions()).filter(({ name }) => name === "RUN").map(({ rest }) => rest);
    expect(commands).toEqual(["npm ci", "npm run build && npm prune --omit=dev"]);
  });

  it("runs what the Procfile runs, not as root, with signals that reach it", async () => {
    const stage = await lastStage();
    const user = stage.findIndex(({ name }) => name === "USER");
    const command = stage.findIndex(({ name }) => name === "CMD");
    expect(stage[user]?.rest).toBe("node");
    expect(user).toBeLessThan(command);
    // The exec form is JSON; a shell between would keep SIGTERM to itself.
    const words: string[] = JSON.parse(stage[command]?.rest ?? "");
    expect(`web: ${words.join(" ")}`).toBe((await read("Procfile")).trim());
  });

  it("takes along everything that runs, and only what the build makes or the repository has", async () => {
    const copied = (await lastStage())
      .filter(({ name }) => name === "COPY")
      .map(({ rest }) => /^--from=build \/app\/(\S+) /.exec(rest)?.[1]);
    expect(copied).toEqual(["package.json", "node_modules", "dist", "public"]);
  });

  it("lets through to the builder whatever the build reads", async () => {
    const allowed = (await read(".dockerignore"))
      .split("\n")
      .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
    for (const name of allowed) expect(existsSync(`${ROOT}${name}`), name).toBe(true);
    const { scripts } = JSON.parse(await read("package.json"));
    const build = [scripts["build:server"], scripts["build:scripts"], scripts["build:page"]].join(" ");
    for (const [name] of build.matchAll(/(?<= )(?:src|scripts|tsconfig)[\w.-]*/g))
      expect(allowed).toContain(name);
    expect(allowed).toEqual(expect.arrayContaining(["package.json", "package-lock.json", ".npmrc"]));
  });
});

describe("compose.yaml", () => {
  it("gives the program only settings that it reads, to values that it accepts", async () => {
    const block = /environment:\n((?: {4}.*\n)+)/.exec(await read("compose.yaml"))?.[1] ?? "";
    const given = [...block.matchAll(/^ {4}([A-Z_]+): "?([^"\n]+)"?$/gm)];
    expect(given.map(([, name]) => name)).toContain("REDIS_URL");
    for (const [, name = "", value = ""] of given) {
      const setting = Object.values(SETTINGS).find(({ names }) => names[0] === name);
      expect(setting, name).toBeDefined();
      expect(setting?.kind.read(value), name).toBeDefined();
    }
  });

  it("waits longer than the drain may take before it kills", async () => {
    const text = await read("compose.yaml");
    const grace = Number(/stop_grace_period: (\d+)s/.exec(text)?.[1]);
    const drain = Number(/SHUTDOWN_SECONDS: "(\d+)"/.exec(text)?.[1]);
    expect(grace).toBeGreaterThan(drain + 5);
  });

  it("has three processes, each of which the proxy knows", async () => {
    const services = [...(await read("compose.yaml")).matchAll(/^ {2}(web-\d): \*web$/gm)];
    const upstreams = /reverse_proxy (.*) \{/.exec(await read("Caddyfile"))?.[1];
    expect(services).toHaveLength(3);
    expect(upstreams).toBe(services.map(([, name]) => `${name}:${SETTINGS.port.default}`).join(" "));
  });

  it("never lets Redis evict messages", async () => {
    expect(await read("compose.yaml")).toMatch(/redis-server .*--maxmemory-policy noeviction/);
  });
});

describe("the Caddyfile", () => {
  /** What Caddy 2.6, Debian's, knows, and a proxy of this program needs. */
  const KNOWN = [":8080", "reverse_proxy", "lb_policy", "health_uri", "health_interval", "lb_try_duration"];

  it("says nothing that Debian's Caddy does not know, so that it starts there", async () => {
    const lines = (await read("Caddyfile")).split("\n").map((line) => line.trim());
    const said = lines.filter((line) => !/^(#|\}|$)/.test(line)).map((line) => line.split(" ")[0]);
    expect(said).toEqual(KNOWN);
  });

  it("sends no new client to a process that drains", async () => {
    expect(await read("Caddyfile")).toMatch(/^\t*health_uri \/readyz$/m);
  });
});
