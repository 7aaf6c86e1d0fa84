import type { Redis } from "ioredis";
import type { TestRedis } from "../kit/servers/redis.ts";
import type { Chatter } from "./chatter.ts";
import type { Processes } from "./processes.ts";

/** Everything of one seed that a fault can meet. */
export interface Stage {
  readonly redis: TestRedis;
  /** A connection of the checker's own; commands reject while Redis is away. */
  readonly admin: Redis;
  readonly processes: Processes;
  readonly chatters: readonly Chatter[];
}
