import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { isOutOfDescriptors } from "./descriptors.ts";

/** Milliseconds between two measurements. */
const LOOK_MS = 1_000;

/**
 * Milliseconds between two samples of the event loop's delay, which is also the delay that an idle loop
 * shows. Each sample wakes the process: at 20 ms that was a third of an idle process's cost.
 */
const RESOLUTION_MS = 50;

/** The load of this process in the last second. */
export interface EventLoopReading {
  /** Milliseconds by which the event loop was late, on average and at the 99th percentile. */
  readonly loopDelayMs: number;
  readonly loopDelayP99Ms: number;
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly loopUtilization: number;
  /** Bytes of JavaScript objects, V8's limit of those, and the process's resident memory. */
  readonly heapUsed: number;
  readonly heapLimit: number;
  readonly resident: number;
  /**
   * Approximate bytes of `resident` that are not free memory of the allocator: objects, buffers, and what the
   * process used at its start.
   */
  readonly inUse: number;
}

/** Measures the event loop and the memory of this process once per second. */
export class EventLoopMonitor {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #timer: NodeJS.Timeout | undefined;
  #utilization = performance.eventLoopUtilization();
  #lookedAt = performance.now();
  #lastingDelayMs = 0;
  #hasNoDescriptor = false;
  /** Bytes of code and of other memory outside JavaScript objects at the start of the process. */
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

  /** The last measurement. */
  get reading(): EventLoopReading {
    return this.#reading;
  }

  /** The smaller of the mean delays of the last two seconds, ms: one long tick is no overload. */
  get lastingDelayMs(): number {
    return this.#lastingDelayMs;
  }

  /** Whether no file descriptor was left in the last second, and so none for a new connection. */
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
    // Samples begin with the second wake-up: without one, a tick took at least half of the time.
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

  /** Returns the memory of the process; the last known numbers if the system does not tell. */
  #memory(atStart: number): Pick<EventLoopReading, "resident" | "inUse"> {
    try {
      // Opens a file on Linux. `external` is not used: it falls long after the buffers are freed.
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
