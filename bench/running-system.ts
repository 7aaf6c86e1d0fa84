import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../test/kit/ports.ts";
import { startRedis, type TestRedis } from "../test/kit/servers/redis.ts";
import { waitFor } from "../test/kit/vitest/wait-for.ts";
import type { Target } from "./generator/calls.ts";
import { RemoteGenerator } from "./generator/remote.ts";
import type { System } from "./systems.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const HOST = "127.0.0.1";
/** Generator processes: two, because one cannot use a machine of two cores. */
const GENERATORS = 2;
const START_MS = 30_000;
/** A folder: servers that end by SIGTERM then leave their CPU profiles in it. */
const PROFILES = process.env["BENCH_PROFILES"];
const PROFILE_MS = 10_000;

interface ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly output: string;
}

/** A system that runs: a Redis of its own, its server processes, and the generators beside them. */
export class RunningSystem {
  readonly system: System;
  readonly redis: TestRedis;
  readonly generators: readonly RemoteGenerator[];
  readonly #folder: string;
  readonly #servers: readonly ServerProcess[];

  private constructor(system: System, redis: TestRedis, folder: string, servers: readonly ServerProcess[]) {
    this.system = system;
    this.redis = redis;
    this.#folder = folder;
    this.#servers = servers;
    this.generators = Array.from({ length: GENERATORS }, () => new RemoteGenerator());
  }

  static async start(system: System, processes = 2): Promise<RunningSystem> {
    const redis = await startRedis();
    const folder = mkdtempSync(join(tmpdir(), "dynochat-bench-"));
    const servers: ServerProcess[] = [];
    const running = () => new RunningSystem(system, redis, folder, servers);
    try {
      for (let i = 0; i < processes; i += 1) {
        servers.push(startServer(system, redis.url, await freePort(), join(folder, `${i}.log`)));
      }
      await Promise.all(servers.map(listens));
      return running();
    } catch (error) {
      await running().stop();
      throw error;
    }
  }

  get targets(): readonly Target[] {
    return this.#servers.map(({ port }) => ({ host: HOST, port }));
  }

  get pids(): readonly number[] {
    return this.#servers.map(({ child }) => child.pid ?? 0);
  }

  /** Calls of a command that Redis carried out, scripts' own included. */
  async redisCalls(command: string): Promise<number> {
    const stats = await this.redis.cli("info", "commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  /** What the first server's heap holds; only `heap-reporter` answers. */
  async heap(): Promise<{ heap: number; external: number }> {
    const child = this.#servers[0]?.child;
    if (child === undefined) throw new Error("there is no server");
    const answer = once(child, "message");
    child.send("heap");
    const [report]: { heap: number; external: number }[] = await answer;
    if (report === undefined) throw new Error("the server reported nothing");
    return report;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    for (const generator of this.generators) generator.end();
    await Promise.all(
      this.#servers.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        const killing = setTimeout(() => child.kill("SIGKILL"), PROFILES === undefined ? 0 : PROFILE_MS);
        child.kill("SIGTERM");
        await ended;
        clearTimeout(killing);
      }),
    );
    await this.redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function startServer(system: System, redisUrl: string, port: number, output: string): ServerProcess {
  const log = openSync(output, "w");
  const { PATH, HOME } = process.env;
  const profiling = PROFILES === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${PROFILES}`];
  const child = spawn(process.execPath, [...profiling, ...(system.nodeOptions ?? []), system.program], {
    cwd: ROOT,
    env: { PATH, HOME, ...system.env, REDIS_URL: redisUrl, PORT: String(port) },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  return { child, port, output };
}

async function listens({ child, port, output }: ServerProcess): Promise<void> {
  await waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`a server ended: ${readFileSync(output, "utf8")}`);
      return answers(port);
    },
    "the server answers",
    START_MS,
  );
}

/** Whether it is ready, where it can tell; else whether it answers at all. */
async function answers(port: number): Promise<boolean> {
  try {
    const { status } = await fetch(`http://${HOST}:${port}/readyz`);
    return status === 200 || status === 404;
  } catch {
    return false;
  }
}
