import type { Cancel, Clock } from "../../../src/client/ports.ts";

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that only moves when told; tasks run in the order of their time, then of their making. */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #tasks = new Set<Task>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  /** How many tasks wait; 0 where nothing was left behind. */
  get waiting(): number {
    return this.#tasks.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    this.#order += 1;
    const task: Task = { at: this.#now + Math.max(0, ms), order: this.#order, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Lets `ms` pass, with everything that is due in them. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let task = this.#next(end); task !== undefined; task = this.#next(end)) {
      this.#tasks.delete(task);
      this.#now = Math.max(this.#now, task.at);
      task.run();
    }
    this.#now = end;
  }

  /** The machine sleeps for `ms`: what was due meanwhile runs after it. */
  sleep(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  #next(end: number): Task | undefined {
    let first: Task | undefined;
    for (const task of this.#tasks) {
      if (task.at > end) continue;
      const earlier = first === undefined || task.at < first.at;
      if (earlier || (task.at === first?.at && task.order < first.order)) first = task;
    }
    return first;
  }
}
