import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What the kernel counts in. */
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]));
const PAGE_BYTES = Number(execFileSync("getconf", ["PAGESIZE"]));

/** CPU time that a process has used, user and system, s. See proc_pid_stat(5). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) / TICKS_PER_SECOND;
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
