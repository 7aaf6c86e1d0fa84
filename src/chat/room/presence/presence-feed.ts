import type { Person, PresenceFrame } from "../../../protocol/frames.ts";
import { type Connection, SharedFrame } from "../../connection.ts";
import type { Counters } from "../../counters.ts";
import { readsHints } from "../outbox.ts";
import type { Roster } from "./roster.ts";

/**
 * Presence is merged to at most one frame in this time per room (docs/protocol.md), ms. Many are told less often, each frame being a
 * write per connection: while five thousand return, a write per second to each of them cost a fifth of the time it took to let them in.
 */
const FEED_MS = 1_000;
const SLOW_FEED_MS = 5_000;

/** People, or connections of this process, above which that is so. */
const MANY = 200;

/** Bytes of names and ids in one frame; the rest follows in the next. Two hundred people of usual names fit into two. */
const FRAME_BYTES = 8 * 1024;

/** JSON of a person or an id, without the values, bytes. */
const PERSON_BYTES = '{"id":"","handle":""},'.length;
const ID_BYTES = '"",'.length;

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
  /** People by user id, as everybody was told; `LIMITS.presenceNames` at most. */
  readonly #told = new Map<string, Person>();
  /** Users whom only some were told of, or told otherwise: those who joined since the last frame. Emptied by the frames. */
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

  /** The people whom everybody was told of by name, by the last frame. */
  get told(): readonly Person[] {
    return [...this.#told.values()];
  }

  /** Something in the roster may have changed. */
  touch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#tell, Math.max(0, this.#lastMs + this.#pauseMs - performance.now()));
  }

  /** A new client was told of these by its `joined`, and of nobody else. */
  listed(users: readonly Person[]): void {
    const handles = new Map(users.map(({ id, handle }) => [id, handle]));
    for (const id of handles.keys()) if (!this.#told.has(id)) this.#listed.add(id);
    // Whoever was away just then, or had another handle, may be as before by the next frame: the new client must be told even so.
    for (const [id, { handle }] of this.#told) {
      if (handles.get(id) === handle) continue;
      this.#told.delete(id);
      this.#listed.add(id);
    }
  }

  forget(connection: Connection): void {
    this.#behind.delete(connection);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#behind.clear();
    this.#told.clear();
    this.#listed.clear();
  }

  get #pauseMs(): number {
    return this.#roster.count > MANY || this.#connections.size > MANY ? SLOW_FEED_MS : FEED_MS;
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    // Those who are told the whole state now need not be told the change.
    const late = [...this.#behind].filter(([connection]) => readsHints(connection));
    const isDone = this.#roster.isCrowd ? this.#tellCount() : this.#tellChange();
    for (const [connection, left] of late) this.#tellLate(connection, left);
    if (!isDone || this.#behind.size > 0) this.touch();
  };

  /** Of those who are left when a crowd has gone, nobody was named before. Always true: there is no more to tell. */
  #tellCount(): true {
    const wasNamed = this.#told.size + this.#listed.size > 0;
    this.#told.clear();
    this.#listed.clear();
    if (wasNamed || this.#roster.count !== this.#toldCount) this.#send([], []);
    return true;
  }

  /** Returns whether everything fitted into the frame. Who left comes first: a client keeps no more names than there may be. */
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

/** Returns what tells whether a piece of a size still fits, and from the first that does not on refuses all. */
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
