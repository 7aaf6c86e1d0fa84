import { LIMITS } from "../../protocol/limits.ts";
import type { MessageStore, RoomHead } from "../../store/store.ts";
import { withTimeout } from "../../store/with-timeout.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import { STORE_WAIT_MS } from "../limits/time-limit.ts";
import { EntryReader } from "./entry-reader.ts";
import { type HistoryPage, pageAfter, pageBefore, pageOf } from "./history.ts";
import { namedUsers } from "./presence/named-users.ts";
import type { People } from "./presence/room-presence.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";

/** Most rooms of a list. */
export const ROOMS_LISTED = 100;

/**
 * How long a list of rooms is kept, ms: it costs a read, and a presence sync per room. A new room is in the
 * list of every process within a second of its first message, of which the store takes 200 ms
 * (`MessageStore.recentRooms`).
 */
const LIST_MS = 500;

/** A room that has messages, and the number of users in it. */
export interface RoomSummary extends RoomHead {
  readonly count: number;
}

/**
 * Queries about rooms by callers that are not members. A room that is open in this process answers as it
 * answers its members; for any other room the store is read, and the room is not opened. All calls reject
 * with StoreUnavailable after at most `STORE_WAIT_MS`.
 */
export class RoomQueries {
  readonly #store: MessageStore;
  readonly #rooms: Rooms;
  readonly #reads: ReadSlots;
  #list: { readonly rooms: Promise<readonly RoomSummary[]>; readonly until: number } | undefined;

  constructor(store: MessageStore, rooms: Rooms, reads: ReadSlots) {
    this.#store = store;
    this.#reads = reads;
    this.#rooms = rooms;
  }

  /** Reads the newest entries before an id (undefined = of all). */
  before(room: string, id: string | undefined, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.before(id, limit);
    return withTimeout(STORE_WAIT_MS, pageBefore(this.#readerOf(room), id, limit).then(pageOf));
  }

  /** Reads the oldest entries after an id. */
  after(room: string, id: string, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.after(id, limit);
    return withTimeout(STORE_WAIT_MS, pageAfter(this.#readerOf(room), id, limit).then(pageOf));
  }

  /** Returns who is in a room, over all processes. */
  async people(room: string): Promise<People> {
    const open = this.#open(room);
    if (open !== undefined) return open.people();
    // No user of this process is in it: a room with a member is open.
    const present = await withTimeout(STORE_WAIT_MS, this.#store.syncPresence(room, []));
    const users = namedUsers(present, LIMITS.presenceNames).map(({ id, handle }) => ({ id, handle }));
    return { count: present.length, users };
  }

  /** Returns the rooms with the newest messages, at most `ROOMS_LISTED`. The list may be `LIST_MS` old. */
  recentRooms(): Promise<readonly RoomSummary[]> {
    const now = performance.now();
    if (this.#list === undefined || this.#list.until <= now) {
      const rooms = withTimeout(STORE_WAIT_MS, this.#summaries());
      this.#list = { rooms, until: now + LIST_MS };
      rooms.catch(() => {
        this.#list = undefined;
      });
    }
    return this.#list.rooms;
  }

  async #summaries(): Promise<readonly RoomSummary[]> {
    const heads = await this.#store.recentRooms(ROOMS_LISTED);
    return Promise.all(
      heads.map(async ({ room, head }) => ({ room, head, count: (await this.people(room)).count })),
    );
  }

  #readerOf(room: string): EntryReader {
    return new EntryReader(this.#store, room, this.#reads);
  }

  #open(name: string): Room | undefined {
    const room = this.#rooms.get(name);
    return room === undefined || room.state === "closed" ? undefined : room;
  }
}
