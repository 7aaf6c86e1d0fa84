import type { KeptRoom, TabLocks, UnsentJournal, UnsentStore } from "../../../src/page/writing/unsent.ts";

/** What the tabs of one browser share: a store and locks. */
export class FakeBrowser {
  readonly #rows = new Map<string, KeptRoom>();
  readonly #held = new Map<string, object>();
  readonly #journal = new Map<string, readonly KeptRoom[]>();
  #lane: Promise<void> = Promise.resolve();
  #released: (() => void)[] = [];
  #isStuck = false;
  #stuck = 0;

  readonly journal: UnsentJournal = {
    read: () => structuredClone([...this.#journal.values()].flat()),
    write: (owner, rows) => {
      if (rows.length > 0) this.#journal.set(owner, structuredClone(rows));
      else this.#journal.delete(owner);
    },
  };

  readonly store: UnsentStore = {
    load: async () => structuredClone([...this.#rows.values()]),
    save: async (rows, gone) => {
      if (this.#isStuck) {
        this.#stuck += 1;
        await new Promise(() => undefined);
      }
      for (const { owner, room } of gone) this.#rows.delete(`${owner} ${room}`);
      for (const row of rows) {
        if (row.items.length > 0) this.#rows.set(`${row.owner} ${row.room}`, structuredClone(row));
        else this.#rows.delete(`${row.owner} ${row.room}`);
      }
    },
  };

  /** What is kept, as `owner room: texts`. */
  get kept(): string[] {
    return [...this.#rows.values()].map(
      ({ owner, room, items }) => `${owner} ${room}: ${items.map((item) => item.text).join(", ")}`,
    );
  }

  /** Owners that have something in the journal. */
  get journalled(): string[] {
    return [...this.#journal.keys()];
  }

  /** How much was to be stored and never is. */
  get stuck(): number {
    return this.#stuck;
  }

  /** From now on, or no longer, what is to be stored never is: the tabs close before. */
  setStuck(isStuck: boolean): void {
    this.#isStuck = isStuck;
  }

  /** The locks as one tab sees them; `end` lets go of all that it holds, as closing it does. */
  tab(): { readonly locks: TabLocks; readonly end: () => void } {
    const self = {};
    return {
      locks: {
        hold: async (name) => {
          if (this.#held.has(name)) return false;
          this.#held.set(name, self);
          return true;
        },
        release: (name) => {
          if (this.#held.get(name) !== self) return;
          this.#held.delete(name);
          for (const told of this.#released.splice(0)) told();
        },
        isHeld: async (name) => this.#held.has(name),
        released: async (name) => {
          while (this.#held.has(name)) await new Promise<void>((resolve) => this.#released.push(resolve));
        },
        alone: (_name, task) => {
          this.#lane = this.#lane.then(task);
          return this.#lane;
        },
      },
      end: () => {
        for (const [name, holder] of this.#held) if (holder === self) this.#held.delete(name);
        for (const told of this.#released.splice(0)) told();
      },
    };
  }
}
