import { Redis } from "ioredis";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import { type PlanOptions, planOf } from "./plan.ts";
import { Processes } from "./processes.ts";
import { runSeed, type SeedResult } from "./run-seed.ts";

/** What was answered is on disk, so that a killed Redis comes back with all of it. */
const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

export interface CheckerOptions extends PlanOptions {
  /** The folder whose `dist` is checked; see `ServerOptions.root`. */
  readonly root?: string;
}

/** Processes on one Redis, on which one seed after the other is run; each has rooms and people of its own. */
export class Checker {
  readonly #options: CheckerOptions;
  readonly #redis: TestRedis;
  readonly #admin: Redis;
  #processes: Processes;

  private constructor(options: CheckerOptions, redis: TestRedis, processes: Processes) {
    this.#options = options;
    this.#redis = redis;
    this.#processes = processes;
    this.#admin = new Redis(redis.url, {
      connectionName: "checker",
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: true,
      commandTimeout: 5_000,
    });
    // It comes back by itself; a command that failed meanwhile says so itself.
    this.#admin.on("error", () => undefined);
  }

  static async start(options: CheckerOptions): Promise<Checker> {
    const redis = await startRedis({ args: DURABLE });
    try {
      return new Checker(options, redis, await startProcesses(options, redis));
    } catch (error) {
      await redis.stop();
      throw error;
    }
  }

  /** Runs one seed. A process that was left in trouble would spoil the next seed: then all are started anew. */
  async run(
    seed: number,
  ): Promise<SeedResult & { readonly outputs: ReadonlyMap<number, readonly string[]> }> {
    const result = await runSeed(
      { redis: this.#redis, admin: this.#admin, processes: this.#processes },
      planOf(seed, this.#options),
    );
    const outputs = this.#processes.outputs();
    if (result.findings.list.length === 0) this.#processes.forgetGone();
    else {
      await this.#processes.stop();
      this.#processes = await startProcesses(this.#options, this.#redis);
    }
    return { ...result, outputs };
  }

  async stop(): Promise<void> {
    this.#admin.disconnect();
    await this.#processes.stop();
    await this.#redis.stop();
  }
}

function startProcesses({ processes, root }: CheckerOptions, redis: TestRedis): Promise<Processes> {
  return Processes.start({
    count: processes,
    redisPort: redis.port,
    ...(root === undefined ? {} : { root }),
  });
}
