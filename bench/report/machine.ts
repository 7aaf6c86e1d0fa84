import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";

/** What figures depend on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    cores: all.length,
    cpu: all[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    redis:
      /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown",
  };
}
