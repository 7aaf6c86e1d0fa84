import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterwards } from "./vitest/cleanup.ts";

/** A named pipe whose reader reads only when it is told to. */
export interface Fifo {
  /** For a process that writes; this process can read it at the same time. */
  readonly fd: number;
  /** Reads what is in it now. */
  read(): string;
}

/** Makes a pipe, removed with the test. */
export function makeFifo(): Fifo {
  const folder = mkdtempSync(join(tmpdir(), "dynochat-fifo-"));
  const path = join(folder, "pipe");
  const { status, stderr } = spawnSync("mkfifo", [path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`mkfifo failed: ${stderr}`);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Blocking, as a shell's pipe is: whether it waits is the writer's own matter.
  const fd = openSync(path, constants.O_WRONLY);
  afterwards(() => {
    closeSync(reader);
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { fd, read: () => readAll(reader) };
}

function readAll(fd: number): string {
  const parts: Buffer[] = [];
  const buffer = Buffer.alloc(64 * 1024);
  try {
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      parts.push(Buffer.from(buffer.subarray(0, count)));
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
  }
  return Buffer.concat(parts).toString();
}
