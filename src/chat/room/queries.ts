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

/** Rooms of a list. */
export const ROOMS_LISTED = 100;

/**
 * How long a list of rooms is good for, ms: it costs a read and a roll call a room. A new room is in everybody's list within a second
 * of its first message, of which the store takes 200 ms (`MessageStore.recentRooms`).
 */
const LIST_MS = 500;

/** A room with messages, and how many are in it. */
export interface RoomSummary extends RoomHead {
  readonly count: number;
}

/**
 * What may be asked about rooms without being in one. A room that is open here answers as it answers its members; of another
 * the store is asked, and nothing is opened for it. All calls reject with StoreUnavailable after at most `STORE_WAIT_MS`.
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

  /** The newest entries before an id (undefined = of all). */
  before(room: string, id: string | undefined, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.before(id, limit);
    return withTimeout(STORE_WAIT_MS, pageBefore(this.#readerOf(room), id, limit).then(pageOf));
  }

  /** The oldest entries after an id. */
  after(room: string, id: string, limit: number): Promise<HistoryPage> {
    const open = this.#open(room);
    if (open !== undefined) return open.after(id, limit);
    return withTimeout(STORE_WAIT_MS, pageAfter(this.#readerOf(room), id, limit).then(pageOf));
  }

  /** Who is in a room, over all processes. */
  async people(room: string): Promise<People> {
    const open = this.#open(room);
    if (open !== undefined) return open.people();
    // Nobody is here: a room that somebody is in is open.
    const present = await withTimeout(STORE_WAIT_MS, this.#store.syncPresence(room, []));
    const users = namedUsers(present, LIMITS.presenceNames).map(({ id, handle }) => ({ id, handle }));
    return { count: present.length, users };
  }

  /** The rooms spoken in last, at most `ROOMS_LISTED`; up to `LIST_MS` old. */
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
