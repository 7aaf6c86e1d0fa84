/** Tasks that one lane holds at most, the running one included. */
const LANE_LENGTH = 128;

/**
 * A short queue in which each task starts when the one before it has ended: the requests of one connection for
 * one room take effect in the order sent. The first task starts within `run`.
 */
export class Lane {
  readonly #waiting: (() => Promise<void>)[] = [];
  #busy = false;

  get busy(): boolean {
    return this.#busy;
  }

  /** Queues a task, which must not reject. False: the lane is full and the task was not taken. */
  run(task: () => Promise<void>): boolean {
    if (this.#waiting.length >= LANE_LENGTH) return false;
    this.#waiting.push(task);
    if (!this.#busy) void this.#work();
    return true;
  }

  /** Forgets what has not started. */
  clear(): void {
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) await task();
    this.#busy = false;
  }
}
