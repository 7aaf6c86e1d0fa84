import type { Person, PresenceFrame } from "../../../protocol/frames.ts";
import { type Connection, SharedFrame } from "../../connection.ts";
import type { Counters } from "../../counters.ts";
import { takesEphemeral } from "../outbox.ts";
import type { Roster } from "./roster.ts";

/**
 * Least time between two presence frames of a room (docs/protocol.md), ms. It is longer in large rooms,
 * because each frame is a write per connection: while five thousand clients returned, one write per second to
 * each took a fifth of the time of their joins.
 */
const FEED_MS = 1_000;
const SLOW_FEED_MS = 5_000;

/** Users, or connections of this process, above which a room is large. */
const MANY = 200;

/**
 * Bytes of names and ids in one frame; the rest follows in the next frame. Two hundred users with usual names
 * fit into two frames.
 */
const FRAME_BYTES = 8 * 1024;

/** Bytes of the JSON of a user or an id, without the values. */
const PERSON_BYTES = '{"id":"","handle":""},'.length;
const ID_BYTES = '"",'.length;

/**
 * Tells the connections of a room which users entered and left. A connection that reads too slowly is
 * skipped, and gets the newest state once it has drained.
 */
export class PresenceFeed {
  readonly #room: string;
  readonly #roster: Roster;
  readonly #connections: ReadonlySet<Connection>;
  readonly #counters: Counters;
  /** Connections that were skipped, with the users who left and whose leaving they were not told. */
  readonly #skipped = new Map<Connection, Set<string>>();
  /** Users by id, as all connections were told; at most `LIMITS.presenceNames`. */
  readonly #told = new Map<string, Person>();
  /**
   * Users whom only some connections were told, or with another handle: those that joined since the last
   * frame. Emptied by the frames.
   */
  readonly #listed = new Set<string>();
  #toldCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(room: string, roster: Roster, connections: ReadonlySet<Connection>, counters: Counters) {
    this.#room = room;
    this.#roster = roster;
    this.#connections = connections;
    this.#counters = counters;
  }

  /** The users whom all connections were told by name, as of the last frame. */
  get told(): readonly Person[] {
    return [...this.#told.values()];
  }

  /** Schedules a frame, because something in the roster may have changed. */
  touch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#tell, Math.max(0, this.#lastMs + this.#pauseMs - performance.now()));
  }

  /** Notes that a new client was told these users by its `joined`, and no others. */
  listed(users: readonly Person[]): void {
    const handles = new Map(users.map(({ id, handle }) => [id, handle]));
    for (const id of handles.keys()) if (!this.#told.has(id)) this.#listed.add(id);
    // A user who was away at that moment, or had another handle, may be back in the former state by the next
    // frame: the new client must still be told.
    for (const [id, { handle }] of this.#told) {
      if (handles.get(id) === handle) continue;
      this.#told.delete(id);
      this.#listed.add(id);
    }
  }

  forget(connection: Connection): void {
    this.#skipped.delete(connection);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#skipped.clear();
    this.#told.clear();
    this.#listed.clear();
  }

  get #pauseMs(): number {
    return this.#roster.count > MANY || this.#connections.size > MANY ? SLOW_FEED_MS : FEED_MS;
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    // Connections that get the whole state now need not be told the change.
    const late = [...this.#skipped].filter(([connection]) => takesEphemeral(connection));
    const isDone = this.#roster.isCrowd ? this.#tellCount() : this.#tellChange();
    for (const [connection, left] of late) this.#tellSkipped(connection, left);
    if (!isDone || this.#skipped.size > 0) this.touch();
  };

  /**
   * Sends the count alone, and forgets the names: when the room is no crowd any more, all its users are named
   * anew. Returns true: nothing is left to tell.
   */
  #tellCount(): true {
    const wasNamed = this.#told.size + this.#listed.size > 0;
    this.#told.clear();
    this.#listed.clear();
    if (wasNamed || this.#roster.count !== this.#toldCount) this.#send([], []);
    return true;
  }

  /**
   * Returns whether everything fitted into the frame. Users who left come first: a client keeps no more names
   * than `LIMITS.presenceNames`.
   */
  #tellChange(): boolean {
    const { count } = this.#roster;
    const named = this.#roster.choose();
    const ids = new Set(named.map(({ id }) => id));
    const gone = [...new Set([...this.#told.keys(), ...this.#listed])].filter((id) => !ids.has(id));
    const come = named.filter(({ id, handle }) => this.#told.get(id)?.handle !== handle);
    const fits = upTo(FRAME_BYTES);
    const left = gone.filter((id) => fits(id.length + ID_BYTES));
    const joined = come.filter((person) => fits(sizeOf(person)));
    for (const id of left) {
      this.#told.delete(id);
      this.#listed.delete(id);
    }
    for (const person of joined) {
      this.#told.set(person.id, person);
      this.#listed.delete(person.id);
    }
    if (joined.length + left.length > 0 || count !== this.#toldCount) this.#send(joined, left);
    return left.length + joined.length === gone.length + come.length;
  }

  #send(joined: readonly Person[], left: readonly string[]): void {
    this.#toldCount = this.#roster.count;
    const frame = new SharedFrame(this.#frame(joined, left));
    for (const connection of this.#connections) this.#tellOne(connection, frame, left);
  }

  #tellOne(connection: Connection, frame: SharedFrame, left: readonly string[]): void {
    const missed = this.#skipped.get(connection);
    if (missed === undefined && takesEphemeral(connection)) {
      frame.writeTo(connection);
      return;
    }
    this.#counters.droppedHints += 1;
    const gone = missed ?? new Set();
    for (const user of left) gone.add(user);
    this.#skipped.set(connection, gone);
  }

  #tellSkipped(connection: Connection, left: Set<string>): void {
    this.#skipped.delete(connection);
    const named = this.told;
    for (const { id } of named) left.delete(id);
    new SharedFrame(this.#frame(named, [...left])).writeTo(connection);
  }

  #frame(joined: readonly Person[], left: readonly string[]): PresenceFrame {
    const { count, isCrowd } = this.#roster;
    const room = this.#room;
    return isCrowd ? { type: "presence", room, count } : { type: "presence", room, count, joined, left };
  }
}

/**
 * Returns a function that tells whether a piece of a size still fits; after the first piece that does not fit
 * it returns false for all.
 */
function upTo(bytes: number): (size: number) => boolean {
  let left = bytes;
  return (size) => {
    left -= size;
    return left >= 0;
  };
}

function sizeOf({ id, handle }: Person): number {
  return id.length + Buffer.byteLength(handle) + PERSON_BYTES;
}
