import type { Redis } from "ioredis";
import { unlessRefused } from "../errors.ts";

/** A server's use of memory, in bytes. */
export interface Memory {
  /** Bytes that count against the limit, without the buffers for replicas. */
  readonly used: number;
  /** The limit; 0 if there is none. */
  readonly limit: number;
}

/** Reads the use of memory; without a limit if this user may not read it. Rejects with Redis's error. */
export async function readMemory(redis: Redis): Promise<Memory> {
  const info = await unlessRefused(redis.info("memory"), "");
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  return { used: read("used_memory") - read("mem_not_counted_for_evict"), limit: read("maxmemory") };
}
