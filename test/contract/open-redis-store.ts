import { FEATURES } from "../../src/store/features.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { Timeouts } from "../../src/store/redis/timeouts.ts";
import type { StoreLimits } from "../../src/store/store.ts";
import { RecordingLogger } from "../kit/logger.ts";
import { startRedis, type TestRedis, type TestRedisOptions } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { begin, PATIENT, type RecordingListener, ROOMY } from "./open-store.ts";

export interface Setup {
  /** Where it lives; `url` stands for one that the test reaches in another way. */
  readonly redis?: TestRedis;
  readonly limits?: Partial<StoreLimits>;
  /** Where it is not `PATIENT`. */
  readonly times?: Partial<Timeouts>;
  readonly prefix?: string;
  readonly url?: string;
  readonly tlsVerify?: boolean;
  readonly ca?: string;
  readonly minReplicas?: number;
  /** What its release knows. */
  readonly features?: readonly string[];
}

/** A server of the current test's own. */
export async function ownRedis(options?: TestRedisOptions): Promise<TestRedis> {
  const redis = await startRedis(options);
  afterwards(() => redis.stop());
  return redis;
}

let prefixes = 0;

/** A stream that is not started yet, by default with a prefix that no other test of the file uses. */
export function make(setup: Setup) {
  const {
    redis,
    limits,
    times,
    url = redis?.url ?? "",
    tlsVerify = true,
    ca,
    minReplicas = 0,
    features = FEATURES,
    ...rest
  } = setup;
  prefixes += 1;
  const prefix = rest.prefix ?? `test-${prefixes}:`;
  const logger = new RecordingLogger();
  const options = { url, prefix, tlsVerify, minReplicas, features, ...(ca === undefined ? {} : { ca }) };
  const store = new RedisStore(options, { ...ROOMY, ...limits }, logger, { ...PATIENT, ...times });
  afterwards(() => store.close());
  return { log: store, logger, prefix };
}

/** A stream that is live. */
export async function open(setup: Setup) {
  const { log: store, logger, prefix } = make(setup);
  const listener = await begin(store);
  return { log: store, logger, listener, prefix };
}

/** Waits until a stream has come back. */
export function isLive(store: RedisStore): Promise<true> {
  return waitFor(() => store.status.state === "live", "live again", 20_000);
}

/** Does what a stream loses Redis by, and waits until it has come back; it may have, before anybody looks. */
export async function survives(
  store: RedisStore,
  listener: RecordingListener,
  lose: () => Promise<unknown>,
): Promise<void> {
  const before = listener.states.length;
  await lose();
  await waitFor(() => listener.states.includes("down", before), "the loss is noticed", 20_000);
  await isLive(store);
}
