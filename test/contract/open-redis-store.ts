import { RedisLog } from "../../src/store/redis/redis-store.ts";
import type { Times } from "../../src/store/redis/timeouts.ts";
import type { LogLimits } from "../../src/store/store.ts";
import { RecordingLogger } from "../kit/logger.ts";
import { startRedis, type TestRedis, type TestRedisOptions } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { begin, PATIENT, type RecordingListener, ROOMY } from "./open-store.ts";

export interface Setup {
  /** Where it lives; `url` stands for one that the test reaches in another way. */
  readonly redis?: TestRedis;
  readonly limits?: Partial<LogLimits>;
  /** Where it is not `PATIENT`. */
  readonly times?: Partial<Times>;
  readonly prefix?: string;
  readonly url?: string;
  readonly tlsVerify?: boolean;
  readonly ca?: string;
  readonly minReplicas?: number;
}

/** A server of the current test's own. */
export async function ownRedis(options?: TestRedisOptions): Promise<TestRedis> {
  const redis = await startRedis(options);
  afterwards(() => redis.stop());
  return redis;
}

let prefixes = 0;

/** A log that is not started yet, by default with a prefix that no other test of the file uses. */
export function make(setup: Setup) {
  const {
    redis,
    limits,
    times,
    url = redis?.url ?? "",
    tlsVerify = true,
    ca,
    minReplicas = 0,
    ...rest
  } = setup;
  prefixes += 1;
  const prefix = rest.prefix ?? `test-${prefixes}:`;
  const logger = new RecordingLogger();
  const options = { url, prefix, tlsVerify, minReplicas, ...(ca === undefined ? {} : { ca }) };
  const log = new RedisLog(options, { ...ROOMY, ...limits }, logger, { ...PATIENT, ...times });
  afterwards(() => log.close());
  return { log, logger, prefix };
}

/** A log that is live. */
export async function open(setup: Setup) {
  const { log, logger, prefix } = make(setup);
  const listener = await begin(log);
  return { log, logger, listener, prefix };
}

/** Waits until a log has come back. */
export function isLive(log: RedisLog): Promise<true> {
  return waitFor(() => log.status.state === "live", "live again", 20_000);
}

/** Does what a log loses Redis by, and waits until it has come back; it may have, before anybody looks. */
export async function survives(
  log: RedisLog,
  listener: RecordingListener,
  lose: () => Promise<unknown>,
): Promise<void> {
  const before = listener.states.length;
  await lose();
  await waitFor(() => listener.states.includes("down", before), "the loss is noticed", 20_000);
  await isLive(log);
}
