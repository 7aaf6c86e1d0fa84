/** A task that waits. `together`: it may start while other tasks with `together` are running. */
interface Waiting {
  readonly task: () => Promise<void>;
  readonly together: boolean;
}

/**
 * Runs the requests of one connection for one room in the order sent: each task starts when the ones before
 * it have ended, but tasks with `together` (the store keeps their order) start one after the other without
 * waiting. The first task starts within `run`. `PendingLimit` bounds how much may wait per connection.
 */
export class RequestQueue {
  readonly #waiting: Waiting[] = [];
  readonly #idle: () => void;
  #running = 0;
  /** Whether the running tasks have `together`. */
  #together = false;

  /** @param idle called each time that no task is left. */
  constructor(idle: () => void = () => undefined) {
    this.#idle = idle;
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  /** Queues a task, which must not reject. */
  run(task: () => Promise<void>, together = false): void {
    this.#waiting.push({ task, together });
    this.#start();
  }

  /** Drops the tasks that have not started. */
  clear(): void {
    this.#waiting.length = 0;
  }

  #start(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayStart(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#running += 1;
      this.#together = next.together;
      void next.task().then(this.#ended);
    }
  }

  #mayStart({ together }: Waiting): boolean {
    return this.#running === 0 || (together && this.#together);
  }

  readonly #ended = (): void => {
    this.#running -= 1;
    this.#start();
    if (this.#running === 0) this.#idle();
  };
}

/** Most requests of one connection that may wait, and most bytes of them. */
const MOST_PENDING = { requests: 1_000, bytes: 1024 * 1024 } as const;

/** Pause before a client with too many pending requests may send the next one, ms. */
export const PENDING_PAUSE_MS = 1_000;

/** Most bytes of requests that may wait in a process. */
const ALL_BYTES = 64 * 1024 * 1024;

/** The bytes of all requests of a process that wait to be answered. */
export class WaitingBytes {
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number = ALL_BYTES) {
    this.#limit = limit;
  }

  /** Adds to the waiting bytes; returns false, and adds nothing, if too many would wait. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limit) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * Bounds the requests of one connection that are not answered yet: a client need not wait for answers, but
 * cannot send without end.
 */
export class PendingLimit {
  readonly #all: WaitingBytes;
  #requests = 0;
  #bytes = 0;
  #closed = false;

  constructor(all: WaitingBytes) {
    this.#all = all;
  }

  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /**
   * Adds a request of that size; returns false, and adds nothing, if too much would wait, of this connection
   * or of all.
   */
  take(bytes: number): boolean {
    if (this.#requests >= MOST_PENDING.requests || this.#bytes + bytes > MOST_PENDING.bytes) return false;
    if (!this.#all.take(bytes)) return false;
    this.#requests += 1;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
    if (!this.#closed) this.#all.release(bytes);
  }

  /** Releases everything, because the connection is gone. Idempotent. */
  close(): void {
    if (!this.#closed) this.#all.release(this.#bytes);
    this.#closed = true;
  }
}
