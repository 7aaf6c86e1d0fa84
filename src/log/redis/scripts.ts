import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { isReply } from "./errors.ts";

/** A Lua script that lies beside this file. */
export class Script {
  readonly body: string;
  /** What EVALSHA wants: SHA-1 of the body, in hex. */
  readonly sha: string;

  constructor(file: string) {
    this.body = readFileSync(new URL(file, import.meta.url), "utf8");
    this.sha = createHash("sha1").update(this.body).digest("hex");
  }

  /**
   * Runs it. A server that does not know it (flushed, or another one since a failover) is sent the whole
   * body. Whoever awaits each run before the next cannot be reordered by that; for others there is ScriptLine.
   */
  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return redis.eval(this.body, keys.length, ...keys, ...args);
    }
  }
}

export const APPEND = new Script("./append.lua");
export const ROLL_CALL = new Script("./roll-call.lua");
export const LEASE = new Script("./lease.lua");
export const NOTE_ROOMS = new Script("./note-rooms.lua");
export const HOUSEKEEPER = new Script("./housekeeper.lua");

const ALL = [APPEND, ROLL_CALL, LEASE, NOTE_ROOMS, HOUSEKEEPER];

/** Makes a server know all scripts. */
export async function loadScripts(redis: Redis): Promise<void> {
  await Promise.all(ALL.map((script) => redis.script("LOAD", script.body)));
}
