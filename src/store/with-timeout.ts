import { StoreUnavailable } from "./store.ts";

/**
 * Returns the outcome of `work` if it comes within `ms`; otherwise rejects with StoreUnavailable. `work`
 * itself continues, and its late outcome is ignored.
 */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let turn: NodeJS.Immediate | undefined;
    // If this process itself was delayed, timers run before the replies that wait in the sockets are read;
    // one more tick of the event loop reads them.
    const timer = setTimeout(() => {
      turn = setImmediate(() => reject(new StoreUnavailable("no answer in time")));
    }, ms);
    const settled = () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
    work.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}

interface Open {
  /** Time of the deadline, as performance.now(). */
  readonly dueAt: number;
  readonly reject: (error: StoreUnavailable) => void;
}

/**
 * Does what `withTimeout` does with one timer for all calls: to set and clear a timer per message costs some
 * microseconds.
 */
export class Deadlines {
  /** Pending calls; each is removed when its work is done or its time is over. */
  readonly #open = new Set<Open>();
  #timer: NodeJS.Timeout | undefined;
  /** Time at which the timer fires. */
  #wakesAt = 0;

  /** See `withTimeout`. */
  within<T>(ms: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const open = { dueAt: performance.now() + ms, reject };
      this.#open.add(open);
      this.#wakeBy(open.dueAt);
      work.then(
        (value) => {
          this.#open.delete(open);
          resolve(value);
        },
        (error: unknown) => {
          this.#open.delete(open);
          reject(error);
        },
      );
    });
  }

  #wakeBy(dueAt: number): void {
    if (this.#timer !== undefined && this.#wakesAt <= dueAt) return;
    clearTimeout(this.#timer);
    this.#wakesAt = dueAt;
    this.#timer = setTimeout(this.#wake, Math.max(0, dueAt - performance.now()));
    // The awaited work keeps the process running, not the timer.
    this.#timer.unref();
  }

  readonly #wake = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    const late = [...this.#open].filter(({ dueAt }) => dueAt <= now);
    // As in `withTimeout`: replies that wait in the sockets are read first.
    if (late.length > 0) setImmediate(() => this.#reject(late));
    let next: Open | undefined;
    for (const open of this.#open) {
      if (open.dueAt > now && (next === undefined || open.dueAt < next.dueAt)) next = open;
    }
    if (next !== undefined) this.#wakeBy(next.dueAt);
  };

  #reject(late: readonly Open[]): void {
    for (const open of late) {
      if (this.#open.delete(open)) open.reject(new StoreUnavailable("no answer in time"));
    }
  }
}
