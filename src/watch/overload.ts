import type { Load } from "./load.ts";

/** The share of the heap that V8 allows, above which it spends its time looking for garbage. */
const HEAP_SHARE = 0.9;

/** The share of the memory that the system allows, above which the platform complains, and then kills. */
const MEMORY_SHARE = 0.95;

/** Where a process has enough to do with the people it has. */
export interface OverloadLimits {
  /** The event loop's mean delay in a second, in two seconds running, ms; 0 = no limit. */
  readonly maxLoopDelayMs: number;
  /** Bytes that this process may use; undefined where nobody says. */
  readonly memory: number | undefined;
}

/** Why nobody else should be taken in now; undefined: they may come. */
export function overloadOf(
  { reading, lastingDelayMs, hasNoDescriptor }: Pick<Load, "reading" | "lastingDelayMs" | "hasNoDescriptor">,
  { maxLoopDelayMs, memory }: OverloadLimits,
): string | undefined {
  if (hasNoDescriptor) return "no file descriptor is left";
  if (maxLoopDelayMs > 0 && lastingDelayMs > maxLoopDelayMs) {
    return `the event loop is ${Math.round(lastingDelayMs)} ms late`;
  }
  if (reading.heapUsed > reading.heapLimit * HEAP_SHARE) return "the heap is nearly full";
  if (memory !== undefined && reading.resident > memory * MEMORY_SHARE) return "the memory is nearly used up";
  return undefined;
}
