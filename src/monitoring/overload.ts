import type { EventLoopMonitor } from "./event-loop.ts";

/**
 * Share above which a process becomes overloaded, and the one below which it no longer is. Between them its
 * state stays.
 */
interface Level {
  readonly enter: number;
  readonly leave: number;
}

/** Shares of `maxLoopDelayMs`. */
const LOOP: Level = { enter: 1, leave: 0.5 };

/** Shares of V8's heap limit; above, V8 spends its time on garbage collection. */
const HEAP: Level = { enter: 0.9, leave: 0.8 };

/** Shares of the memory limit; above it the platform warns, and then kills the process. */
const RESIDENT: Level = { enter: 0.95, leave: 0.9 };

/**
 * Shares of the memory limit for the memory in use. The rest of the resident memory was freed, and the
 * allocator keeps it for later: it is no reason to refuse connections, and may stay for hours.
 */
const IN_USE: Level = { enter: 0.75, leave: 0.65 };

/** Seconds between two collections of garbage while memory is short. */
const COLLECT_EVERY = 5;

/** The limits above which a process accepts no new connections. */
export interface OverloadLimits {
  /** The event loop's mean delay per second, in two consecutive seconds, ms; 0 = no limit. */
  readonly maxLoopDelayMs: number;
  /** Bytes that this process may use; undefined if there is no known limit. */
  readonly memory: number | undefined;
}

/** Decides once per second whether a process accepts new connections. */
export class Overload {
  readonly #limits: OverloadLimits;
  readonly #collect: () => void;
  #reason: string | undefined;
  /** The last reading. */
  #seen: EventLoopMonitor["reading"] | undefined;
  #isLate = false;
  /**
   * Consecutive readings with too little memory. The first one may be due to garbage, so only a second one
   * counts.
   */
  #short = 0;

  /** @param collect collects garbage; only the memory after that counts. */
  constructor(limits: OverloadLimits, collect: () => void) {
    this.#limits = limits;
    this.#collect = collect;
  }

  /** Why no new connections should be accepted now; undefined if they should. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Evaluates a load; does nothing for a reading that it has seen. */
  look(load: Pick<EventLoopMonitor, "reading" | "lastingDelayMs" | "hasNoDescriptor">): void {
    if (load.reading === this.#seen) return;
    this.#seen = load.reading;
    const late = this.#lateness(load.lastingDelayMs);
    this.#isLate = late !== undefined;
    const short = this.#shortage(load.reading);
    if (short === undefined) this.#short = 0;
    else this.#noteShortage();
    const noDescriptor = load.hasNoDescriptor ? "no file descriptor is left" : undefined;
    this.#reason = noDescriptor ?? late ?? (this.#isShort ? short : undefined);
  }

  get #isShort(): boolean {
    return this.#short > 1;
  }

  #noteShortage(): void {
    if (this.#short % COLLECT_EVERY === 0) this.#collect();
    this.#short += 1;
  }

  #lateness(delayMs: number): string | undefined {
    const { maxLoopDelayMs } = this.#limits;
    if (maxLoopDelayMs === 0 || delayMs <= maxLoopDelayMs * of(LOOP, this.#isLate)) return undefined;
    return `the event loop is ${Math.round(delayMs)} ms late`;
  }

  #shortage({ heapUsed, heapLimit, resident, inUse }: EventLoopMonitor["reading"]): string | undefined {
    if (heapUsed > heapLimit * of(HEAP, this.#isShort)) return "the heap is nearly full";
    const { memory } = this.#limits;
    if (memory === undefined || resident <= memory * of(RESIDENT, this.#isShort)) return undefined;
    return inUse > memory * of(IN_USE, this.#isShort) ? "the memory is nearly used up" : undefined;
  }
}

function of({ enter, leave }: Level, isEntered: boolean): number {
  return isEntered ? leave : enter;
}
