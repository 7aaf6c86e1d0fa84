/** A task, and whether those after it may start before it has ended if they are of this kind too. */
interface Waiting {
  readonly task: () => Promise<void>;
  readonly together: boolean;
}

/**
 * A short queue that keeps the requests of one connection for one room in the order sent: each task starts when
 * the ones before it have ended, but tasks that go `together` (the store keeps their order) start one after the other
 * without waiting. The first task starts within `run`. How much may wait is bounded a connection, by `PendingLimit`.
 */
export class RequestQueue {
  readonly #waiting: Waiting[] = [];
  readonly #idle: () => void;
  #running = 0;
  /** Whether what runs goes together with others. */
  #together = false;

  /** `idle` is called each time that nothing is left to do. */
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

  /** Forgets what has not started. */
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

/** Requests of one connection that may wait, and their bytes together. */
const BACKLOG = { requests: 1_000, bytes: 1024 * 1024 } as const;

/** Bytes of requests that may wait in a process. */
const ALL_BYTES = 64 * 1024 * 1024;

/** The bytes of all requests of a process that wait to be answered. */
export class WaitingBytes {
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number = ALL_BYTES) {
    this.#limit = limit;
  }

  /** Takes in that many. False: too much is waiting already. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limit) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What one connection has sent and not yet been answered: a client need not wait, but cannot pile up for ever. */
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

  /** Takes a request of that size in. False: too much is waiting already, of this connection or of all. */
  take(bytes: number): boolean {
    if (this.#requests >= BACKLOG.requests || this.#bytes + bytes > BACKLOG.bytes) return false;
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

  /** The connection is gone: what it has sent waits no more. */
  close(): void {
    if (!this.#closed) this.#all.release(this.#bytes);
    this.#closed = true;
  }
}
