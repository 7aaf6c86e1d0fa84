import { getHeapStatistics } from "node:v8";
import { heapLimitMib, memoryLimit } from "../monitoring/memory-limit.ts";
import type { Settings } from "../settings/settings.ts";

/** V8 counts its young generation too where it tells its limit; up to this much, bytes. */
const YOUNG_GENERATION = 64 * 1024 * 1024;

/** How the program runs. */
export interface ProcessPlan {
  /** Workers under this process; 0 = this process is the program. */
  readonly workers: number;
  /** What V8 lets the heap of each grow to, MiB; undefined = what it thinks right. */
  readonly heapMib: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Plans workers and heaps so that all heaps together fit the memory of the dyno. V8's limit can only be given at a
 * start, so a program whose own limit is too large runs as one worker. A limit that somebody set by hand is left alone.
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

/** How many processes share a dyno: workers cannot share an embedded store, so without Redis there is one. */
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
