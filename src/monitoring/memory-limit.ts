import { totalmem } from "node:os";

const MIB = 1024 * 1024;

/** Share of a process's memory that its heap may take: sockets, buffers and code are outside the heap. */
const HEAP_SHARE = 0.5;

/**
 * Smallest heap limit, MiB. A process without clients uses about 35; with less than this limit it would
 * mostly collect garbage.
 */
const LEAST_HEAP = 64;

/**
 * Returns the bytes that all processes of this dyno or container may use together: MEMORY_AVAILABLE (MiB),
 * which the platform's Node buildpack sets, else the limit of the control group, v1 or v2; undefined if there
 * is none.
 */
export function memoryLimit(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const said = Number(env["MEMORY_AVAILABLE"]);
  if (Number.isInteger(said) && said > 0) return said * MIB;
  const constrained = process.constrainedMemory();
  // Without a limit the kernel returns a number larger than the memory.
  return constrained > 0 && constrained < totalmem() ? constrained : undefined;
}

/** Returns the heap limit of one of `processes` in MiB, as V8's --max-old-space-size expects it. */
export function heapLimitMib(limit: number, processes: number): number {
  return Math.max(LEAST_HEAP, Math.floor((limit / processes / MIB) * HEAP_SHARE));
}
