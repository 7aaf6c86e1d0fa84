import type { RoomUser } from "../../store.ts";

/** Comings and goings are told together at most this often, ms; pages are told once a second anyway. */
const TOGETHER_MS = 100;

/** What changed about the people of one room: here, or (undefined) gone. */
export type Changes = ReadonlyMap<string, RoomUser | undefined>;

/** Changes of one turn or window. Emptied by its writing, `TOGETHER_MS` after the first at the latest. */
interface Batch {
  readonly rooms: Map<string, Map<string, RoomUser | undefined>>;
  readonly written: Promise<void>;
}

/**
 * Collects who came and went, so that a thousand people who return at once cost a few commands and not three
 * thousand. The first change after a quiet time goes before the turn ends.
 */
export class PresenceBatcher {
  readonly #write: (room: string, changes: Changes) => Promise<void>;
  #batch: Batch | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @param write must not reject; called for a room when what was called for it before is on its way. */
  constructor(write: (room: string, changes: Changes) => Promise<void>) {
    this.#write = write;
  }

  /** Fulfils when it was written, as well as that could be done. Of several changes of one person the last one counts. */
  announce(room: string, user: string, person: RoomUser | undefined): Promise<void> {
    this.#batch ??= this.#begun();
    const { rooms, written } = this.#batch;
    const changes = rooms.get(room) ?? new Map<string, RoomUser | undefined>();
    rooms.set(room, changes);
    // Anew, at the end: a write that is cut in pieces must not tell of the first change last.
    changes.delete(user);
    changes.set(user, person);
    return written;
  }

  #begun(): Batch {
    const rooms = new Map<string, Map<string, RoomUser | undefined>>();
    const restMs = this.#lastMs + TOGETHER_MS - performance.now();
    const written = new Promise<void>((resolve) => {
      const write = (): void => {
        this.#batch = undefined;
        this.#lastMs = performance.now();
        void Promise.all(Array.from(rooms, ([room, changes]) => this.#write(room, changes))).then(() =>
          resolve(),
        );
      };
      if (restMs > 0) setTimeout(write, restMs);
      else setImmediate(write);
    });
    return { rooms, written };
  }
}
