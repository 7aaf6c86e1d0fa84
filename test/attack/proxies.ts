import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/ports.ts";
import { ROOT } from "../kit/servers/program.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

export type ProxyKind = "nginx" | "Caddy";

/** A real proxy before the processes, as docs/operating.md sets it up. */
export interface Proxy {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

interface Program {
  readonly name: string;
  readonly debianPackage: string;
  /** The whole configuration; `folder`: for its files. */
  configuration(port: number, ports: readonly number[], folder: string): Promise<string>;
  arguments(file: string, folder: string): readonly string[];
}

const PROGRAMS: Readonly<Record<ProxyKind, Program>> = {
  nginx: {
    name: "nginx",
    debianPackage: "nginx-light",
    configuration: async (port, ports, folder) => {
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
      const paths = temporary.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`);
      const site = await nginxSite();
      const servers = ports.map((each) => `    server 127.0.0.1:${each};`).join("\n");
      return [
        `pid ${folder}/nginx.pid;`,
        "daemon off;",
        "worker_processes 1;",
        "events { worker_connections 8192; }",
        "http {",
        "  access_log off;",
        ...paths,
        site
          .replace(/( *server [\w.-]+:\d+;\n)+/, `${servers}\n`)
          .replace(/listen \d+;/, `listen 127.0.0.1:${port};`),
        "}",
      ].join("\n");
    },
    arguments: (file, folder) => ["-p", folder, "-e", `${folder}/error.log`, "-c", file],
  },
  Caddy: {
    name: "caddy",
    debianPackage: "caddy",
    configuration: async (port, ports) => {
      const site = await readFile(`${ROOT}Caddyfile`, "utf8");
      const servers = ports.map((each) => `127.0.0.1:${each}`).join(" ");
      return `{\n\tadmin off\n}\n${site
        .replace(/^:8080 /m, `http://127.0.0.1:${port} `)
        .replace(/(?<=reverse_proxy ).+(?= \{)/, servers)}`;
    },
    arguments: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  },
};

/** For the proxy to start, and to find that the processes are healthy, ms. */
const START_MS = 20_000;

/** Starts a proxy before those ports; fulfils when it lets requests through. Throws where the program is missing. */
export async function startProxy(kind: ProxyKind, ports: readonly number[]): Promise<Proxy> {
  const program = PROGRAMS[kind];
  ensureInstalled(program);
  const folder = await mkdtemp(join(tmpdir(), "dynochat-proxy-"));
  const port = await freePort();
  const file = join(folder, "configuration");
  await writeFile(file, await program.configuration(port, ports, folder));
  const env = { PATH: PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(program.name, program.arguments(file, folder), {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(-2_000);
  });
  const url = `http://127.0.0.1:${port}`;
  const abandon = (): void => void child.kill("SIGKILL");
  process.once("exit", abandon);
  const stop = async (): Promise<void> => {
    process.off("exit", abandon);
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(() => isOk(`${url}/readyz`), `${kind} lets requests through`, START_MS);
  } catch (cause) {
    await stop();
    throw new Error(`${kind} does not start: ${output}`, { cause });
  }
  return { url, port, stop };
}

/** Debian keeps nginx where only root's PATH looks. */
const PATH = `${process.env["PATH"]}:/usr/sbin`;

function ensureInstalled({ name, debianPackage }: Program): void {
  const env = { ...process.env, PATH, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const isThere = () => spawnSync("sh", ["-c", `command -v ${name}`], { env }).status === 0;
  if (isThere()) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${debianPackage}`;
  if (process.getuid?.() === 0) spawnSync("sh", ["-c", command], { env, stdio: "ignore" });
  if (!isThere()) {
    throw new Error(`this needs ${debianPackage}; on Debian or Ubuntu: sudo sh -c '${command}'`);
  }
}

/** The nginx site of docs/operating.md: what is between the lines of its code block. */
async function nginxSite(): Promise<string> {
  const document = await readFile(`${ROOT}docs/operating.md`, "utf8");
  const site = /```nginx\n([\s\S]+?)```/.exec(document)?.[1];
  if (site === undefined) throw new Error("docs/operating.md has no configuration of nginx");
  return site;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

async function isOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
