import type { Redis } from "ioredis";

/** What a server uses of its memory, in bytes. */
export interface Memory {
  /** What counts against the limit: without the buffers towards replicas. */
  readonly used: number;
  /** 0 = there is none. */
  readonly limit: number;
}

/** Rejects with whatever Redis said. */
export async function readMemory(redis: Redis): Promise<Memory> {
  const info = await redis.info("memory");
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  return { used: read("used_memory") - read("mem_not_counted_for_evict"), limit: read("maxmemory") };
}
