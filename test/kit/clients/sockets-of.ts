import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** TCP's state "established" as the kernel writes it. */
const ESTABLISHED = "01";

/** How many established TCP connections per process holds whose own end is that port. Linux only. */
export function connectionsHeld(pid: number, port: number): number {
  const held = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    }),
  );
  return ["tcp", "tcp6"]
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local = "", , state]) =>
        Number.parseInt(local.split(":")[1] ?? "", 16) === port && state === ESTABLISHED,
    )
    .filter((columns) => held.has(columns[9] ?? "")).length;
}

/** A descriptor may be closed while the folder is read. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
