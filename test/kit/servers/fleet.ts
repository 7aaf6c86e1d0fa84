import { afterwards } from "../vitest/cleanup.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { type Server, startServer } from "./server.ts";

export interface FleetOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of redis-server. */
  readonly redisArgs?: readonly string[];
}

/** Some processes of the program on one Redis. */
export interface Fleet {
  readonly redis: TestRedis;
  readonly servers: readonly Server[];
}

/** Starts a Redis and `size` processes on it; all end with the test. Fulfils when every process is ready. */
export async function startFleet(size: number, options: FleetOptions = {}): Promise<Fleet> {
  const redis = await startOwnRedis(options.redisArgs);
  const env = { REDIS_URL: redis.url, ...options.env };
  const servers = await Promise.all(Array.from({ length: size }, () => startServer({ env })));
  await Promise.all(servers.map((server) => server.ready()));
  return { redis, servers };
}

/** A Redis that ends with the test. */
export async function startOwnRedis(args: readonly string[] = []): Promise<TestRedis> {
  const redis = await startRedis({ args });
  afterwards(() => redis.stop());
  return redis;
}
