import { readdirSync, readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { freePort } from "../kit/ports.ts";
import { type LogLine, launch, listening, type Server, type ServerOptions } from "../kit/servers/program.ts";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import type { Scenario } from "./scenario.ts";

/** Between two looks at the memory of the processes, ms. */
const SAMPLE_MS = 250;

/** What no process of the attack suite gets from the kit: here everything is limited as it is by default. */
const DEFAULTS = {
  MAX_LOOP_DELAY_MS: undefined,
  ADDRESS_MESSAGES_PER_SECOND: undefined,
  ROOM_GUEST_MESSAGES_PER_SECOND: undefined,
};

/** Memory that one process holds, MB. */
export interface Memory {
  readonly beforeMb: number;
  readonly peakMb: number;
  readonly nowMb: number;
}

/** The processes under attack and their Redis. */
export class Stage {
  readonly redis: TestRedis;
  /** A connection of the measuring process. */
  readonly admin: Redis;
  readonly servers: Server[];
  readonly options: ServerOptions;
  /** Descriptors that all processes held before the attack. */
  descriptorsBefore = 0;
  /** When the attack began, ms since 1970 UTC. */
  attackedAt = 0;
  readonly #before = new Map<number, number>();
  readonly #peak = new Map<number, number>();
  readonly #sampling: NodeJS.Timeout;
  readonly #killed = new Set<Server>();
  #ended = 0;
  #isStopping = false;

  private constructor(redis: TestRedis, servers: Server[], options: ServerOptions) {
    this.redis = redis;
    this.servers = servers;
    this.options = options;
    this.admin = new Redis(redis.url);
    // A command that fails says so itself.
    this.admin.on("error", () => undefined);
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
    for (const server of servers) this.#watch(server);
  }

  /** Starts Redis and the processes of a build; fulfils when every process is ready. */
  static async start(scenario: Scenario, root: string): Promise<Stage> {
    const { processes = 3, redisArgs = [], descriptors, stdout } = scenario;
    const settings = (await scenario.settings?.()) ?? {};
    const redis = await startRedis({ args: redisArgs });
    const options: ServerOptions = {
      root,
      env: { REDIS_URL: redis.url, ...DEFAULTS, ...settings },
      ...(descriptors === undefined ? {} : { descriptors }),
      ...(stdout === undefined ? {} : { stdout: stdout() }),
    };
    const servers: Server[] = [];
    try {
      for (let n = 0; n < processes; n += 1) servers.push(await launchOn(await freePort(), options));
      await Promise.all(servers.map(listening));
      await Promise.all(servers.map((server) => server.ready()));
      return new Stage(redis, servers, options);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      await redis.stop();
      throw error;
    }
  }

  get ports(): readonly number[] {
    return this.servers.map(({ port }) => port);
  }

  /** Processes that have ended by themselves. */
  get ended(): number {
    return this.#ended;
  }

  logs(): readonly LogLine[] {
    return this.servers.flatMap((server) => server.logs());
  }

  /** A process beside those under attack, on the same Redis; the caller stops it. */
  async startBeside(settings: Readonly<Record<string, string | undefined>>): Promise<Server> {
    const server = await launchOn(await freePort(), {
      ...(this.options.root === undefined ? {} : { root: this.options.root }),
      env: { ...this.options.env, ...settings },
    });
    await listening(server);
    await server.ready();
    return server;
  }

  /** What the processes hold now is what they held before the attack. */
  beginAttack(): void {
    this.#sample();
    for (const { pid } of this.servers) this.#before.set(pid, residentMb(pid));
    this.#peak.clear();
    this.#sample();
    this.descriptorsBefore = this.descriptors();
    this.attackedAt = Date.now();
  }

  /** Of the process that grew most. */
  memory(): Memory {
    const grown = this.servers
      .map(({ pid }) => ({
        beforeMb: this.#before.get(pid) ?? 0,
        peakMb: this.#peak.get(pid) ?? 0,
        nowMb: residentMb(pid),
      }))
      .sort((a, b) => b.peakMb - a.peakMb);
    return grown[0] ?? { beforeMb: 0, peakMb: 0, nowMb: 0 };
  }

  /** Descriptors that all processes hold. */
  descriptors(): number {
    return this.servers.reduce((sum, { pid }) => sum + descriptorsOf(pid), 0);
  }

  /** Processes whose `/readyz` says that they serve. */
  async ready(): Promise<number> {
    const answers = await Promise.all(this.servers.map(({ url }) => answersReady(url)));
    return answers.filter((isReady) => isReady).length;
  }

  /** Kills every process (SIGKILL) and starts another in its place, on the same port; fulfils when all are ready. */
  async replaceAll(): Promise<void> {
    const old = this.servers.splice(0);
    for (const server of old) {
      this.#killed.add(server);
      server.kill();
    }
    await Promise.all(old.map(({ exit }) => exit));
    for (const { port } of old) this.servers.push(await launchOn(port, this.options));
    for (const server of this.servers) this.#watch(server);
    await Promise.all(this.servers.map(listening));
    await Promise.all(this.servers.map((server) => server.ready()));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#sampling);
    this.admin.disconnect();
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.redis.stop();
  }

  #watch(server: Server): void {
    void server.exit.then(() => {
      if (!this.#isStopping && !this.#killed.has(server)) this.#ended += 1;
    });
  }

  #sample(): void {
    for (const { pid } of this.servers) {
      this.#peak.set(pid, Math.max(this.#peak.get(pid) ?? 0, residentMb(pid)));
    }
  }
}

async function launchOn(port: number, options: ServerOptions): Promise<Server> {
  return launch({ ...options, env: { ...options.env, PORT: String(port) } }, port);
}

/** Resident memory, MB; 0 where the process is gone. */
function residentMb(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kilobytes ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

async function answersReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
