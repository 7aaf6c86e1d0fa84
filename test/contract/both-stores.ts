import { beforeAll } from "vitest";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { MessageStore, StoreLimits } from "../../src/store/store.ts";
import { RecordingLogger } from "../kit/logger.ts";
import { startRedis, type TestRedis } from "../kit/servers/redis.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { PATIENT } from "./open-store.ts";

let redis: TestRedis;
let opened = 0;

beforeAll(async () => {
  redis = await startRedis();
  afterwards(() => redis.stop());
});

function redisLog(limits: StoreLimits): MessageStore {
  opened += 1;
  const options = { url: redis.url, prefix: `contract-${opened}:`, tlsVerify: true };
  return new RedisStore(options, limits, new RecordingLogger(), PATIENT);
}

/** Every log there is: one suite holds all of them to the contract. The test file has a Redis of its own. */
export const BOTH_STORES = [
  { kind: "embedded", make: (limits: StoreLimits): MessageStore => new MemoryStore(limits) },
  { kind: "redis", make: redisLog },
];
