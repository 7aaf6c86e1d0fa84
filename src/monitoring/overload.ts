import type { EventLoopMonitor } from "./event-loop.ts";

/** A share above which a process is overloaded, and the one below which it no longer is: in between it stays what it was. */
interface Level {
  readonly enter: number;
  readonly leave: number;
}

/** Of `maxLoopDelayMs`. */
const LOOP: Level = { enter: 1, leave: 0.5 };

/** Of the heap that V8 allows: above, it spends its time looking for garbage. */
const HEAP: Level = { enter: 0.9, leave: 0.8 };

/** Of the memory that the system allows: above, the platform complains, and then kills. */
const RESIDENT: Level = { enter: 0.95, leave: 0.9 };

/**
 * Of the same, what is in use. The rest of what is resident was freed, and the allocator keeps it for what comes next: it is no reason to
 * refuse anybody, and may stay for hours.
 */
const IN_USE: Level = { enter: 0.75, leave: 0.65 };

/** Seconds between two collections of garbage while memory is short. */
const COLLECT_EVERY = 5;

/** Where a process has enough to do with the people it has. */
export interface OverloadLimits {
  /** The event loop's mean delay in a second, in two seconds running, ms; 0 = no limit. */
  readonly maxLoopDelayMs: number;
  /** Bytes that this process may use; undefined where nobody says. */
  readonly memory: number | undefined;
}

/** Decides, once a second, whether a process takes in anybody new. */
export class Overload {
  readonly #limits: OverloadLimits;
  readonly #collect: () => void;
  #reason: string | undefined;
  /** What was looked at last. */
  #seen: EventLoopMonitor["reading"] | undefined;
  #isLate = false;
  /** Looks in a row that found memory short. What was found once may be garbage: it counts when it is found again. */
  #short = 0;

  /** @param collect collects garbage: only what is left after that counts. */
  constructor(limits: OverloadLimits, collect: () => void) {
    this.#limits = limits;
    this.#collect = collect;
  }

  /** Why nobody else should be taken in now; undefined: they may come. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Looks at a load; does nothing where it has seen that reading. */
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
