import { getHeapStatistics } from "node:v8";
import { heapLimitMib, memoryLimit } from "../monitoring/memory-limit.ts";
import type { Settings } from "../settings/settings.ts";

/** Bytes by which the limit that V8 reports may be larger, because it includes the young generation. */
const YOUNG_GENERATION = 64 * 1024 * 1024;

/** The number of processes of the program, and their heaps. */
export interface ProcessPlan {
  /** Worker processes; 0 = this process is the program. */
  readonly workers: number;
  /** Heap limit of each process, MiB; undefined = V8's default. */
  readonly heapMib: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Plans workers and heaps so that all heaps together fit the memory of the dyno. V8's limit can only be set
 * at a start, so a program whose own limit is too large runs as one worker. A limit that the operator has set
 * is kept.
 */
export function planProcesses(
  { redisUrl, webConcurrency }: Pick<Settings, "redisUrl" | "webConcurrency">,
  env: Environment,
): ProcessPlan {
  const processes = processesOf({ redisUrl, webConcurrency });
  const memory = memoryLimit(env);
  const heapMib = memory === undefined || isSetByHand(env) ? undefined : heapLimitMib(memory, processes);
  const fits =
    heapMib === undefined || getHeapStatistics().heap_size_limit <= heapMib * 2 ** 20 + YOUNG_GENERATION;
  return { workers: processes > 1 || !fits ? processes : 0, heapMib };
}

/**
 * Returns how many processes share a dyno. Workers cannot share a store in memory, so without Redis there is
 * one.
 */
export function processesOf({
  redisUrl,
  webConcurrency,
}: Pick<Settings, "redisUrl" | "webConcurrency">): number {
  return redisUrl === undefined ? 1 : webConcurrency;
}

function isSetByHand(env: Environment): boolean {
  const given = [...process.execArgv, env["NODE_OPTIONS"] ?? ""].join(" ");
  return /--max[-_]old[-_]space[-_]size/.test(given);
}
