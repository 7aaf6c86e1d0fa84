/**
 * A short queue in which each task starts when the one before it has ended: the requests of one connection for
 * one room take effect in the order sent. The first task starts within `run`. How much may wait is bounded a
 * connection, by `Backlog`.
 */
export class Lane {
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #idle: () => void;
  #busy = false;

  /** `idle` is called each time that nothing is left to do. */
  constructor(idle: () => void = () => undefined) {
    this.#idle = idle;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Queues a task, which must not reject. */
  run(task: () => Promise<void>): void {
    this.#waiting.push(task);
    if (!this.#busy) void this.#work();
  }

  /** Forgets what has not started. */
  clear(): void {
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) await task();
    this.#busy = false;
    this.#idle();
  }
}

/** Requests of one connection that may wait, and their bytes together. */
const BACKLOG = { requests: 1_000, bytes: 1024 * 1024 } as const;

/** What one connection has sent and not yet been answered: a client need not wait, but cannot pile up for ever. */
export class Backlog {
  #requests = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /** Takes a request of that size in. False: too much is waiting already. */
  take(bytes: number): boolean {
    if (this.#requests >= BACKLOG.requests || this.#bytes + bytes > BACKLOG.bytes) return false;
    this.#requests += 1;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
  }
}
