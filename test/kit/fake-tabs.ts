import type { KeptRoom, TabLocks, UnsentStore } from "../../src/page/unsent.ts";

/** What the tabs of one browser share: a store and locks. */
export class FakeBrowser {
  readonly #rows = new Map<string, KeptRoom>();
  readonly #held = new Map<string, object>();
  #lane: Promise<void> = Promise.resolve();

  readonly store: UnsentStore = {
    load: async () => structuredClone([...this.#rows.values()]),
    save: async (rows, gone) => {
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
        isHeld: async (name) => this.#held.has(name),
        alone: (_name, task) => {
          this.#lane = this.#lane.then(task);
          return this.#lane;
        },
      },
      end: () => {
        for (const [name, holder] of this.#held) if (holder === self) this.#held.delete(name);
      },
    };
  }
}
