import { LIMITS } from "../../protocol/limits.ts";
import type { Right } from "../../protocol/rights.ts";
import type { Entry, MessageStore, ReadLimit, RoomHead } from "../../store/store.ts";
import { withTimeout } from "../../store/with-timeout.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import { STORE_WAIT_MS } from "../limits/time-limit.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import { Forbidden, type Visitor } from "../rights/visitor.ts";
import { EntryReader } from "./entry-reader.ts";
import { type HistoryPage, pageAfter, pageBefore, pageOf } from "./history.ts";
import { namedUsers } from "./presence/named-users.ts";
import type { People } from "./presence/room-presence.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";

/** Most rooms of a list. */
export const ROOMS_LISTED = 100;

/** Rooms of which a list is made: those that a user may not enter are left out. */
const ROOMS_CONSIDERED = 500;

/** The limit of a read of one entry, which is returned however large it is. */
const ONE_ENTRY: ReadLimit = { entries: 1, bytes: 1 };

/**
 * How long a list of rooms is kept, ms: it costs a read, and a presence sync per room. A new room is in the
 * list of every process within a second of its first message, of which the store takes 200 ms
 * (`MessageStore.recentRooms`).
 */
const LIST_MS = 500;

/** A room that has messages, and the number of users in it. */
export interface RoomSummary extends RoomHead {
  readonly count: number;
  /** What the user for whom the list was made may do there. */
  readonly right: Right;
}

/**
 * Queries about rooms by callers that are not members. A room that is open in this process answers as it
 * answers its members; for any other room the store is read, and the room is not opened. All calls reject
 * with StoreUnavailable after at most `STORE_WAIT_MS`, and with Forbidden if the user may not enter the room.
 */
export class RoomQueries {
  readonly #store: MessageStore;
  readonly #rooms: Rooms;
  readonly #reads: ReadSlots;
  readonly #globalRules: GlobalRules;
  #heads: { readonly rooms: Promise<readonly RoomHead[]>; readonly until: number } | undefined;
  /** The users of listed rooms by room, as old as `#heads`; emptied with it. */
  readonly #counts = new Map<string, Promise<number>>();

  constructor(store: MessageStore, rooms: Rooms, reads: ReadSlots, globalRules: GlobalRules) {
    this.#store = store;
    this.#globalRules = globalRules;
    this.#reads = reads;
    this.#rooms = rooms;
  }

  /** Reads the newest entries before an id (undefined = of all). */
  before(room: string, visitor: Visitor, id: string | undefined, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.before(visitor, id, limit);
    return this.#read(room, visitor, pageBefore(this.#readerOf(room), id, limit).then(pageOf));
  }

  /** Reads the oldest entries after an id. */
  after(room: string, visitor: Visitor, id: string, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.after(visitor, id, limit);
    return this.#read(room, visitor, pageAfter(this.#readerOf(room), id, limit).then(pageOf));
  }

  /**
   * Reads one entry from the store; undefined if it is not there. For a room that is open here, too: what its
   * ring holds may have been trimmed or removed in the store.
   */
  entry(room: string, visitor: Visitor, id: string): Promise<Entry | undefined> {
    const reading = this.#readerOf(room).from(id, ONE_ENTRY);
    return this.#read(
      room,
      visitor,
      reading.then(([entry]) => (entry?.id === id ? entry : undefined)),
    );
  }

  /** Returns who is in a room, over all processes. */
  people(room: string, visitor: Visitor): Promise<People> {
    return this.#open(room)?.people(visitor) ?? this.#read(room, visitor, this.#present(room));
  }

  /**
   * Returns the digest of the network of a guest who is in a room on any process; undefined if the user is no
   * guest, or not there. Rejects with StoreUnavailable.
   */
  async networkOf(room: string, user: string): Promise<string | undefined> {
    const open = this.#open(room);
    if (open !== undefined) return open.presence.networkOf(user);
    const present = await withTimeout(STORE_WAIT_MS, this.#store.syncPresence(room, []));
    return present.find(({ id }) => id === user)?.network;
  }

  /** Returns the right that a user has in a room now. */
  async rightIn(room: string, visitor: Visitor): Promise<Right> {
    const open = this.#open(room);
    if (open?.stream.state === "live") return open.rightOf(visitor);
    return withTimeout(STORE_WAIT_MS, this.#globalRules.rightInStore(room, visitor));
  }

  /**
   * Waits for what is read of a room, and then looks the user's right up: what was read may be later than a
   * rule that shuts the user out. Rejects with Forbidden.
   */
  #read<T>(room: string, visitor: Visitor, reading: Promise<T>): Promise<T> {
    const read = async (): Promise<T> => {
      const result = await reading;
      if ((await this.#globalRules.rightInStore(room, visitor)) === "none") throw new Forbidden(room);
      return result;
    };
    return withTimeout(STORE_WAIT_MS, read());
  }

  /**
   * Reads who is in a room that is not open: no user of this process is in it, a room with a member is open.
   */
  async #present(room: string): Promise<People> {
    const present = await this.#store.syncPresence(room, []);
    const users = namedUsers(present, LIMITS.presenceNames).map(({ id, handle }) => ({ id, handle }));
    return { count: present.length, users };
  }

  /**
   * Returns the rooms with the newest messages that a user may enter, at most `ROOMS_LISTED`. The list may be
   * `LIST_MS` old.
   * @param visitorIn returns the user as a visitor of a room; undefined = the user may not enter it.
   */
  async recentRooms(
    visitorIn: (room: string) => Promise<Visitor | undefined>,
  ): Promise<readonly RoomSummary[]> {
    const heads = await this.#recentHeads();
    const visits = await Promise.all(
      heads.map(async (head) => ({ ...head, visitor: await visitorIn(head.room) })),
    );
    const listed = visits.filter(({ visitor }) => visitor !== undefined).slice(0, ROOMS_LISTED);
    const summaries = listed.map(async ({ room, head, visitor }): Promise<RoomSummary[]> => {
      const count = await this.#countIn(room);
      const right = visitor === undefined ? "none" : await this.rightIn(room, visitor);
      return right === "none" ? [] : [{ room, head, count, right }];
    });
    return (await withTimeout(STORE_WAIT_MS, Promise.all(summaries))).flat();
  }

  #recentHeads(): Promise<readonly RoomHead[]> {
    const now = performance.now();
    if (this.#heads === undefined || this.#heads.until <= now) {
      const rooms = withTimeout(STORE_WAIT_MS, this.#store.recentRooms(ROOMS_CONSIDERED));
      this.#heads = { rooms, until: now + LIST_MS };
      this.#counts.clear();
      rooms.catch(() => {
        this.#heads = undefined;
      });
    }
    return this.#heads.rooms;
  }

  #countIn(room: string): Promise<number> {
    const known = this.#counts.get(room);
    if (known !== undefined) return known;
    const people = this.#open(room)?.people() ?? this.#present(room);
    const count = people.then((present) => present.count);
    this.#counts.set(room, count);
    count.catch(() => this.#counts.delete(room));
    return count;
  }

  #readerOf(room: string): EntryReader {
    return new EntryReader(this.#store, room, this.#reads);
  }

  #open(name: string): Room | undefined {
    const room = this.#rooms.get(name);
    return room === undefined || room.stream.state === "closed" ? undefined : room;
  }
}
