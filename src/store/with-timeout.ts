import { StoreUnavailable } from "./store.ts";

/**
 * The outcome of `work` if it comes within `ms`; otherwise rejects with StoreUnavailable. `work` itself
 * goes on and its late outcome is ignored.
 */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let turn: NodeJS.Immediate | undefined;
    // After this process itself was held up, timers run before the replies that wait in the sockets are
    // read; one more tick of the event loop reads them.
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
  /** As performance.now() tells it. */
  readonly dueAt: number;
  readonly reject: (error: StoreUnavailable) => void;
}

/** Does what `withTimeout` does, with one timer for all: a timer per message, set and cleared, costs some microseconds. */
export class Deadlines {
  /** Each leaves when its work is done or its time is over. */
  readonly #open = new Set<Open>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #wakesAt = 0;

  /** As `withTimeout`. */
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
    // What is waited for keeps the process, and not the waiting.
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
