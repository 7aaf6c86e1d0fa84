import { totalmem } from "node:os";

const MIB = 1024 * 1024;

/** The share of a process's memory that its heap may take: sockets, buffers and code live outside of it. */
const HEAP_SHARE = 0.5;

/** MiB. A process without anybody in it uses about 35; with less than this it would only look for garbage. */
const LEAST_HEAP = 64;

/**
 * Bytes that all processes of this dyno or container may use together: MEMORY_AVAILABLE (MiB), which the platform's Node
 * buildpack sets, else the limit of the control group, v1 or v2. undefined where there is none.
 */
export function memoryLimit(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const said = Number(env["MEMORY_AVAILABLE"]);
  if (Number.isInteger(said) && said > 0) return said * MIB;
  const constrained = process.constrainedMemory();
  // Without a limit the kernel names a number beyond all memory.
  return constrained > 0 && constrained < totalmem() ? constrained : undefined;
}

/** What one of `processes` may let its heap grow to, MiB, as V8's --max-old-space-size wants it. */
export function heapLimitMib(limit: number, processes: number): number {
  return Math.max(LEAST_HEAP, Math.floor((limit / processes / MIB) * HEAP_SHARE));
}
