import { LIMITS, type Person, type PresenceFrame } from "../protocol.ts";
import { type Connection, SharedFrame } from "./connection.ts";
import type { Counters } from "./counters.ts";
import { readsHints } from "./outbox.ts";
import type { Roster } from "./presence.ts";

/**
 * Presence is merged to at most one frame in this time a room (docs/protocol.md), ms. A crowd is told a number only, less
 * often: while five thousand return, a write a second to each of them cost a fifth of the time it took to let them in.
 */
const FEED_MS = 1_000;
const CROWD_FEED_MS = 5_000;

/**
 * Tells a room's connections who came and went. Whoever reads too slowly is passed over and gets the newest
 * state once it has drained.
 */
export class PresenceFeed {
  readonly #room: string;
  readonly #roster: Roster;
  readonly #connections: ReadonlySet<Connection>;
  readonly #counters: Counters;
  /** Connections that were passed over, with the users whose leaving they have not been told. */
  readonly #behind = new Map<Connection, Set<string>>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** The last frame was a number only. */
  #toldOfCrowd = false;

  constructor(room: string, roster: Roster, connections: ReadonlySet<Connection>, counters: Counters) {
    this.#room = room;
    this.#roster = roster;
    this.#connections = connections;
    this.#counters = counters;
  }

  /** Something in the roster may have changed. */
  touch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#tell, Math.max(0, this.#lastMs + this.#pauseMs - performance.now()));
  }

  forget(connection: Connection): void {
    this.#behind.delete(connection);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#behind.clear();
  }

  get #isCrowd(): boolean {
    return this.#roster.count > LIMITS.presenceNames;
  }

  get #pauseMs(): number {
    return this.#isCrowd ? CROWD_FEED_MS : FEED_MS;
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const change = this.#roster.takeChange();
    // Those who are told the whole state now need not be told the change.
    const late = [...this.#behind].filter(([connection]) => readsHints(connection));
    if (change !== undefined) {
      // Of those who are left when a crowd has gone, nobody was named before.
      const joined = this.#toldOfCrowd ? this.#roster.list() : change.joined;
      const frame = new SharedFrame(this.#frame(joined, change.left));
      this.#toldOfCrowd = this.#isCrowd;
      for (const connection of this.#connections) this.#tellOne(connection, frame, change.left);
    }
    for (const [connection, left] of late) this.#tellLate(connection, left);
    if (this.#behind.size > 0) this.touch();
  };

  #tellOne(connection: Connection, frame: SharedFrame, left: readonly string[]): void {
    const missed = this.#behind.get(connection);
    if (missed === undefined && readsHints(connection)) {
      frame.writeTo(connection);
      return;
    }
    this.#counters.droppedHints += 1;
    const gone = missed ?? new Set();
    for (const user of left) gone.add(user);
    this.#behind.set(connection, gone);
  }

  #tellLate(connection: Connection, left: Set<string>): void {
    this.#behind.delete(connection);
    const gone = [...left].filter((user) => this.#roster.handleOf(user) === undefined);
    new SharedFrame(this.#frame(this.#roster.list(), gone)).writeTo(connection);
  }

  #frame(joined: readonly Person[], left: readonly string[]): PresenceFrame {
    const { count } = this.#roster;
    const room = this.#room;
    return count > LIMITS.presenceNames
      ? { type: "presence", room, count }
      : { type: "presence", room, count, joined, left };
  }
}
