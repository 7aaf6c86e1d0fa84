import type { Redis } from "ioredis";
import { unlessRefused } from "../errors.ts";

/** What a server uses of its memory, in bytes. */
export interface Memory {
  /** What counts against the limit: without the buffers towards replicas. */
  readonly used: number;
  /** 0 = there is none. */
  readonly limit: number;
}

/** Without a limit where this user may not ask. Rejects with whatever Redis said. */
export async function readMemory(redis: Redis): Promise<Memory> {
  const info = await unlessRefused(redis.info("memory"), "");
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  return { used: read("used_memory") - read("mem_not_counted_for_evict"), limit: read("maxmemory") };
}
