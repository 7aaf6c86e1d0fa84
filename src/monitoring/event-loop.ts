import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { isOutOfDescriptors } from "./descriptors.ts";

/** Between two looks, ms. */
const LOOK_MS = 1_000;

/**
 * Between two samples of the event loop's delay, ms; what a loop that does nothing shows. Each wakes the process: at 20 ms
 * that was a third of what an idle one costs.
 */
const RESOLUTION_MS = 50;

/** How hard this process works: as it was in the last second. */
export interface EventLoopReading {
  /** By how much the event loop was late, on average and in the worst hundredth, ms. */
  readonly loopDelayMs: number;
  readonly loopDelayP99Ms: number;
  /** The share of the time in which the event loop had something to do, 0 to 1. */
  readonly loopUtilization: number;
  /** Bytes: of JavaScript objects, what V8 allows them, and all that the process has in memory. */
  readonly heapUsed: number;
  readonly heapLimit: number;
  readonly resident: number;
  /** Of `resident`, what is no free memory of the allocator, about: objects, buffers, and what the process took at its start. */
  readonly inUse: number;
}

/** Measures the event loop and the memory of this process, once a second. */
export class EventLoopMonitor {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #timer: NodeJS.Timeout | undefined;
  #utilization = performance.eventLoopUtilization();
  #lookedAt = performance.now();
  #lastingDelayMs = 0;
  #hasNoDescriptor = false;
  /** Bytes of code, and of what is no JavaScript object, when the process had done nothing yet. */
  readonly #atStart: number;
  #reading: EventLoopReading = {
    ...heap(),
    resident: 0,
    inUse: 0,
    loopDelayMs: 0,
    loopDelayP99Ms: 0,
    loopUtilization: 0,
  };

  constructor() {
    const { resident } = this.#memory(0);
    this.#atStart = Math.max(0, resident - getHeapStatistics().total_heap_size);
    this.#reading = { ...this.#reading, ...this.#memory(0) };
  }

  /** Begins to measure. */
  start(): void {
    this.#lookedAt = performance.now();
    this.#utilization = performance.eventLoopUtilization();
    this.#delays.enable();
    this.#timer = setInterval(this.#look, LOOK_MS).unref();
  }

  /** Of the last second that was measured. */
  get reading(): EventLoopReading {
    return this.#reading;
  }

  /** What the mean delay was at least in each of the last two seconds, ms: one long turn is no overload. */
  get lastingDelayMs(): number {
    return this.#lastingDelayMs;
  }

  /** Whether there was no file descriptor left in the last second; then there is none for a new connection either. */
  get hasNoDescriptor(): boolean {
    return this.#hasNoDescriptor;
  }

  /** Ends the measuring. */
  stop(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }

  readonly #look = (): void => {
    const now = performance.now();
    // A sample is taken from the second waking on: without one, some turn took half of the time or more.
    const unseen = this.#delays.count === 0 ? halfOf(now - this.#lookedAt) : undefined;
    const loopDelayMs = unseen ?? late(this.#delays.mean);
    const utilization = performance.eventLoopUtilization();
    this.#lastingDelayMs = Math.min(this.#reading.loopDelayMs, loopDelayMs);
    this.#lookedAt = now;
    this.#reading = {
      ...heap(),
      ...this.#memory(this.#atStart),
      loopDelayMs,
      loopDelayP99Ms: unseen ?? late(this.#delays.percentile(99)),
      loopUtilization: performance.eventLoopUtilization(utilization, this.#utilization).utilization,
    };
    this.#utilization = utilization;
    this.#delays.reset();
  };

  /** The memory of the process; the last numbers that are known where the system does not tell. */
  #memory(atStart: number): Pick<EventLoopReading, "resident" | "inUse"> {
    try {
      // Opens a file on Linux. Not `external`, which falls long after the buffers are gone.
      const { rss: resident, heapUsed, arrayBuffers } = process.memoryUsage();
      this.#hasNoDescriptor = false;
      return { resident, inUse: Math.min(resident, atStart + heapUsed + arrayBuffers) };
    } catch (error) {
      this.#hasNoDescriptor = isOutOfDescriptors(error);
      const { resident, inUse } = this.#reading;
      return { resident, inUse };
    }
  }
}

function halfOf(elapsedMs: number): number {
  return Math.max(0, elapsedMs / 2 - RESOLUTION_MS);
}

function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}

function heap(): Pick<EventLoopReading, "heapUsed" | "heapLimit"> {
  const { used_heap_size: heapUsed, heap_size_limit: heapLimit } = getHeapStatistics();
  return { heapUsed, heapLimit };
}
