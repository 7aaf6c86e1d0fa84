import { readFileSync } from "node:fs";

/** Matches a line of the table: name, soft limit, hard limit, unit. */
const OPEN_FILES = /^Max open files\s+(\d+)\s/m;

/**
 * Returns how many file descriptors this process may open (the soft limit); undefined if the system does not
 * tell, as outside Linux, or sets none. Node.js has already raised the soft limit to the hard one. `limits`:
 * as in /proc/self/limits.
 */
export function descriptorLimit(limits: string | undefined = ownLimits()): number | undefined {
  const soft = OPEN_FILES.exec(limits ?? "")?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function ownLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Returns whether an error says that this process (EMFILE) or the system (ENFILE) has no file descriptor
 * left.
 */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}
