/** Calls under way, at most: an app's database must not be asked everything at once after a restart. */
const CALLS = 32;

/** How long an answer may take, ms, not counting the wait for a free call. */
const ANSWER_MS = 2_000;

/** How long a call that does not end counts as under way, ms. */
const HANGING_MS = 120_000;

/** Calls that wait, at most. */
const MOST_WAITING = 10_000;

/** The time over which retries are spread, ms. */
const SPREAD_MS = 5_000;

/**
 * How a call ended. `crowded`: it was not made, because too many waited or it waited too long; `late`: it
 * took longer than 2 s.
 */
export type Outcome<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "crowded" }
  | { readonly kind: "late" };

/** A call that has not been made yet. */
interface Waiting {
  readonly start: () => void;
  /** Gives the call up. */
  readonly timer: NodeJS.Timeout;
}

export interface BoundedCallsOptions {
  /** How long a call may wait for its turn, ms: less than a client waits for an answer. */
  readonly waitMs: number;
  /** Calls that wait for their turn, at most. Default: 10,000. */
  readonly mostWaiting?: number | undefined;
}

/**
 * Calls a function of the embedding app at most 32 times at once; further calls wait for their turn. A call
 * that does not end counts as under way for 120 s.
 */
export class BoundedCalls {
  readonly #waitMs: number;
  readonly #mostWaiting: number;
  /** By whom the calls are for, each the longest waiting first; whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** Bounded by `#mostWaiting`. */
  #waitingCalls = 0;
  #calls = 0;

  constructor({ waitMs, mostWaiting = MOST_WAITING }: BoundedCallsOptions) {
    this.#waitMs = waitMs;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Makes a call when it is its turn; it may throw. Returns how it ended. Never rejects.
   * @param whose the calls of each are made in turns, so that nobody's wait for all of another one's.
   */
  run<T>(whose: string, call: () => T | Promise<T>): Promise<Outcome<T>> {
    if (this.#calls < CALLS) return this.#make(call);
    if (this.#waitingCalls >= this.#mostWaiting) return Promise.resolve({ kind: "crowded" });
    return new Promise((resolve) => {
      const waiting: Waiting = {
        start: () => resolve(this.#make(call)),
        timer: setTimeout(() => {
          this.#giveUp(whose, waiting);
          resolve({ kind: "crowded" });
        }, this.#waitMs),
      };
      this.#waitingCalls += 1;
      const queue = this.#waiting.get(whose);
      if (queue === undefined) this.#waiting.set(whose, [waiting]);
      else queue.push(waiting);
    });
  }

  #giveUp(whose: string, waiting: Waiting): void {
    const queue = this.#waiting.get(whose) ?? [];
    queue.splice(queue.indexOf(waiting), 1);
    if (queue.length === 0) this.#waiting.delete(whose);
    this.#waitingCalls -= 1;
  }

  #make<T>(call: () => T | Promise<T>): Promise<Outcome<T>> {
    this.#calls += 1;
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve({ kind: "late" }), ANSWER_MS);
      let isOver = false;
      const over = (): void => {
        if (isOver) return;
        isOver = true;
        this.#calls -= 1;
        this.#startNext();
      };
      const hanging = setTimeout(over, HANGING_MS).unref();
      void outcomeOf(call).then((outcome) => {
        clearTimeout(late);
        clearTimeout(hanging);
        resolve(outcome);
        over();
      });
    });
  }

  #startNext(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [whose, queue] = first;
    const next = queue.shift();
    // Behind all others.
    this.#waiting.delete(whose);
    if (queue.length > 0) this.#waiting.set(whose, queue);
    if (next === undefined) return;
    this.#waitingCalls -= 1;
    clearTimeout(next.timer);
    next.start();
  }
}

/** Returns the pause before a client retries, ms, spread so that not all of them come at once. */
export function spreadRetryMs(): number {
  return 1_000 + Math.floor(Math.random() * SPREAD_MS);
}

async function outcomeOf<T>(call: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: "answered", value: await call() };
  } catch (error) {
    return { kind: "failed", error };
  }
}
