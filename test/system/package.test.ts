import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { connectV1 } from "../kit/clients/v1-client.ts";
import { freePort } from "../kit/ports.ts";
import { ROOT, START_MS } from "../kit/servers/program.ts";
import { runServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

const run = promisify(execFile);

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dynochat-package-"));
  afterwards(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function json<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(`${ROOT}${name}`, "utf8"));
}

/**
 * A folder in which the package is installed with what it depends on, and nothing that only its development
 * needs.
 */
async function installed(): Promise<string> {
  const folder = await temporaryFolder();
  const { packages } = await json<{ packages: Record<string, { dev?: boolean }> }>("package-lock.json");
  const names = Object.entries(packages).flatMap(([path, { dev }]) => {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    return name === undefined || dev === true ? [] : [name];
  });
  for (const name of [...names, "dynochat/dist", "dynochat/package.json"]) {
    const target = name.startsWith("dynochat/") ? name.slice("dynochat/".length) : `node_modules/${name}`;
    const path = join(folder, "node_modules", name);
    await mkdir(dirname(path), { recursive: true });
    await symlink(`${ROOT}${target}`, path);
  }
  return folder;
}

const CONSUMER = `
import fastify from "fastify";
import { dynochat, type DynochatOptions } from "dynochat";
import { ChatClient } from "dynochat/client";
const options: DynochatOptions = { page: false };
const app = fastify();
await app.register(dynochat, options);
await app.dynochat.sockets.drain.begin();
new ChatClient({ url: "ws://localhost/ws", handle: "Ada" }).join("lobby").send("hello");
`;

describe("the package", () => {
  it("holds the built program, its types and scripts, the page, and no source", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: ROOT,
      maxBuffer: 2 ** 24,
    });
    const packed: { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }> =
      JSON.parse(stdout);
    const paths = Object.values(packed).flatMap(({ files }) => files.map(({ path }) => path));
    const { exports } = await json<{ exports: Record<string, { types: string; default: string }> }>(
      "package.json",
    );
    const entries = Object.values(exports).flatMap(({ types, default: code }) => [types, code]);
    const needed = ["./dist/main.js", "./dist/store/redis/messages/append.lua", "./public/build/index.html"];
    for (const path of [...entries, ...needed]) expect(paths).toContain(path.slice(2));
    expect(paths.filter((path) => /^(src|test|bench)\//.test(path))).toEqual([]);
  });

  it("is built where it is installed from its repository, and only where it can be", async () => {
    const { scripts } = await json<{ scripts: { prepare: string } }>("package.json");
    expect(scripts.prepare).toMatch(/\|\| npm run build$/);
    // As in a Dockerfile before the source is copied, and with --omit=dev.
    const bare = await temporaryFolder();
    await run("sh", ["-c", scripts.prepare], { cwd: bare });
    await mkdir(join(bare, "src"));
    await run("sh", ["-c", scripts.prepare], { cwd: bare });
  });

  it("compiles strictly in an app that checks its types, without types installed by hand", async () => {
    const folder = await installed();
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "app.ts"), CONSUMER);
    const compilerOptions = {
      target: "ES2023",
      module: "NodeNext",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      // Or what is only installed for development would be found where the links lead.
      preserveSymlinks: true,
      noEmit: true,
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
    const compiled = await run(`${ROOT}node_modules/.bin/tsc`, ["-p", folder]).catch(
      ({ stdout }: { stdout: string }) => ({ stdout }),
    );
    expect(compiled.stdout).toBe("");
  });
});

describe("npm start", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "passes %s on: clients are told, and npm ends with the program",
    async (signal) => {
      const port = await freePort();
      // Without scripts before it, which would build while other tests run what is built.
      const npm = spawn("npm", ["start", "--ignore-scripts"], {
        cwd: ROOT,
        env: { ...process.env, PORT: String(port), SHUTDOWN_SECONDS: "5", NODE_ENV: "production" },
        stdio: "ignore",
        detached: true,
      });
      const { pid = 0 } = npm;
      afterwards(() => {
        try {
          process.kill(-pid, "SIGKILL");
        } catch {}
      });
      const exit = new Promise((resolve) => npm.on("exit", (code) => resolve(code)));
      const answers = () =>
        fetch(`http://127.0.0.1:${port}/livez`).then(
          ({ ok }) => ok,
          () => false,
        );
      await waitFor(answers, "the program listens", START_MS);
      const client = await connectV1(`ws://127.0.0.1:${port}`, { room: "lobby" });
      npm.kill(signal);
      expect((await client.closed).code).toBe(1012);
      expect(await within(exit, "npm ends", START_MS)).toBe(0);
      expect(await answers()).toBe(false);
    },
  );
});

describe("an old Node.js", () => {
  const NODE_OPTIONS = `--import ${new URL("../kit/old-node.mjs", import.meta.url).href}`;

  it("ends the start with one line", async () => {
    const { code, output } = await runServer({ env: { NODE_OPTIONS } });
    expect(code).toBe(1);
    expect(output).toEqual(["dynochat does not start: it needs Node.js 20 or newer, and this is 18.20.8"]);
  });

  it("ends the import of the plugin with that sentence", async () => {
    const { plugin, error } = await run(
      process.execPath,
      ["--input-type=module", "-e", 'await import("./dist/plugin.js")'],
      { cwd: ROOT, env: { ...process.env, NODE_OPTIONS } },
    ).then(
      () => ({ plugin: "loaded", error: "" }),
      ({ stderr }: { stderr: string }) => ({ plugin: "not loaded", error: stderr }),
    );
    expect(plugin).toBe("not loaded");
    expect(error).toContain("dynochat does not load: it needs Node.js 20 or newer, and this is 18.20.8.");
  });
});
