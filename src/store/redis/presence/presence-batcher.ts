import type { RoomUser } from "../../store.ts";

/** Milliseconds for which changes are collected; clients are told at most once per second anyway. */
const TOGETHER_MS = 100;

/** Changes of a room's users by user id; undefined means that the user has left. */
export type Changes = ReadonlyMap<string, RoomUser | undefined>;

/** Changes of one tick or window, written `TOGETHER_MS` after the first one at the latest. */
interface Batch {
  readonly rooms: Map<string, Map<string, RoomUser | undefined>>;
  readonly written: Promise<void>;
}

/**
 * Collects changes of presence, so that a thousand users who return at once cost a few commands and not three
 * thousand. The first change after a quiet time is written within the tick.
 */
export class PresenceBatcher {
  readonly #write: (room: string, changes: Changes) => Promise<void>;
  #batch: Batch | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @param write must not reject; called for a room after the former call for it has been sent. */
  constructor(write: (room: string, changes: Changes) => Promise<void>) {
    this.#write = write;
  }

  /**
   * Adds a change. Fulfils when it was written, or could not be. Of several changes of one user the last one
   * counts.
   */
  announce(room: string, user: string, person: RoomUser | undefined): Promise<void> {
    this.#batch ??= this.#begun();
    const { rooms, written } = this.#batch;
    const changes = rooms.get(room) ?? new Map<string, RoomUser | undefined>();
    rooms.set(room, changes);
    // Moved to the end: a write that is split must not report the first change last.
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
