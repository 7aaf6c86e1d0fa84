import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const PAGE_BYTES = Number(execFileSync("getconf", ["PAGESIZE"]));

/**
 * CPU time that the threads of a process have used, user and system, s; a thread that has ended is not counted.
 * The first number of schedstat is in ns. The one in proc_pid_stat(5) is in ticks of 10 ms, too coarse for a quiet load.
 */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((total, thread) => total + threadNanoseconds(pid, thread), 0) / 1e9;
}

function threadNanoseconds(pid: number, thread: string): number {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
}

/** Memory of a process that is in RAM, bytes. See proc_pid_statm(5). */
export function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * PAGE_BYTES;
}

export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
}

export function residentBytesOf(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + residentBytes(pid), 0);
}
