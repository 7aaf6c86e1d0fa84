import { BEGINNING } from "../../protocol/ids.ts";
import { GRANT_MS } from "../../store/access.ts";
import { type MessageStore, StoreUnavailable } from "../../store/store.ts";
import { type AnswerSpace, TooManyAnswers } from "../limits/answer-budget.ts";
import { OpenedRooms, type Opener, type OpenRoomLimits, TooManyRooms } from "../session/opened-rooms.ts";
import type { Cursor } from "./history.ts";
import type { Member } from "./member.ts";
import { Room, type RoomDeps } from "./room.ts";

/**
 * How long a room without members is kept, ms: members that return after a reload, or a deploy of the
 * clients, are served from memory.
 */
const EMPTY_ROOM_MS = 10_000;

/** Most empty rooms that are kept; the one that has been empty longest is closed first. */
const MOST_EMPTY_ROOMS = 1_000;

/** How often rooms are reviewed for what is overdue, ms. */
const REVIEW_MS = 500;

/**
 * The pause before the newest ids of all rooms are compared with the store's, ms; drawn at random between the
 * two.
 */
const AUDIT_MS = { least: 20_000, most: 60_000 } as const;

/**
 * The pause between presence syncs, ms: with the lease of 40 s, the users of a process that died are gone
 * within 60 s.
 */
const PRESENCE_SYNC_MS = 14_000;

/**
 * The pause between renewals of what the embedding app granted to members, ms: well below the time it is
 * remembered.
 */
const GRANT_RENEWAL_MS = GRANT_MS / 3;

/** Rooms whose newest ids are read with one command. */
const AUDIT_CHUNK = 500;

/**
 * The rooms of this process. A room is kept while it has members in this process, and for `EMPTY_ROOM_MS`
 * after.
 */
export class Rooms {
  readonly #deps: RoomDeps;
  readonly #store: MessageStore;
  readonly #rooms = new Map<string, Room>();
  readonly #opened: OpenedRooms;
  /** Empty rooms and the timers that close them, the longest empty first. */
  readonly #emptyRooms = new Map<string, NodeJS.Timeout>();
  #review: NodeJS.Timeout | undefined;
  #audit: NodeJS.Timeout | undefined;
  #presenceSync: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;

  constructor(deps: RoomDeps, limits: OpenRoomLimits) {
    this.#deps = deps;
    this.#opened = new OpenedRooms(limits);
    this.#store = deps.store;
  }

  /** Starts the timers of reviews, audits and presence syncs. */
  start(): void {
    this.#review = setInterval(this.#reviewAll, REVIEW_MS).unref();
    this.#audit = setTimeout(this.#auditAll, auditPause()).unref();
    this.#presenceSync = setTimeout(this.#syncPresence, PRESENCE_SYNC_MS).unref();
    if (this.#deps.hasGrants) this.#renewal = setTimeout(this.#renewGrants, GRANT_RENEWAL_MS).unref();
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /**
   * Returns the room of that name, and opens it if it is not open. It must be joined in the same tick, or it
   * may be closed. Throws TooManyRooms if the network or the user of the opener has opened as many rooms as
   * allowed.
   */
  open(name: string, opener: Opener): Room {
    clearTimeout(this.#emptyRooms.get(name));
    this.#emptyRooms.delete(name);
    const known = this.#rooms.get(name);
    if (known !== undefined && known.stream.state !== "closed") return known;
    this.#opened.open(name, opener);
    const room = new Room(name, this.#deps);
    this.#rooms.set(name, room);
    return room;
  }

  /** Adds a member to a room that `open` returned; see `Room.join`. */
  async join(room: Room, member: Member, cursor: Cursor, space: AnswerSpace): Promise<void> {
    try {
      await room.join(member, cursor, space);
    } finally {
      if (room.size === 0) this.#emptied(room);
    }
  }

  /** Ends a connection's membership; does nothing if it has none. */
  leave(room: Room, connection: string): void {
    const left = room.leave(connection);
    const heir = room.anyMember;
    if (heir === undefined) this.#emptied(room);
    else if (left !== undefined) this.#opened.handOver(room.name, openerOf(left), openerOf(heir));
  }

  /** Makes every room read what it missed. Rejects if one could not. */
  async catchUp(): Promise<void> {
    const rooms = [...this.#rooms.values()];
    await Promise.all(rooms.map((room) => room.stream.suspect("the subscription was renewed")));
    for (const room of rooms) {
      if (room.stream.state === "stale") throw new Error(`room ${room.name} could not be read`);
      room.flush();
    }
    // Not awaited: presence is ephemeral.
    for (const room of rooms) void room.presence.sync();
  }

  /**
   * Stops all rooms from serving from memory, because the store is away. Closes rooms that were opening:
   * their joins are rejected.
   */
  storeLost(): void {
    for (const room of this.#rooms.values()) {
      room.stream.storeLost();
      if (room.stream.state === "closed") this.#drop(room);
    }
  }

  /** Makes all members follow a change of the rules for all rooms. */
  globalRuleChanged(subject: string): void {
    for (const room of [...this.#rooms.values()]) room.globalRuleChanged(subject);
  }

  close(): void {
    clearInterval(this.#review);
    clearTimeout(this.#audit);
    clearTimeout(this.#presenceSync);
    clearTimeout(this.#renewal);
    for (const timer of this.#emptyRooms.values()) clearTimeout(timer);
    this.#emptyRooms.clear();
    for (const room of this.#rooms.values()) room.close();
    this.#rooms.clear();
  }

  #emptied(room: Room): void {
    if (this.#rooms.get(room.name) !== room) return;
    if (room.stream.state === "closed") {
      this.#drop(room);
      return;
    }
    clearTimeout(this.#emptyRooms.get(room.name));
    this.#emptyRooms.delete(room.name);
    this.#emptyRooms.set(room.name, setTimeout(() => this.#dropIfEmpty(room), EMPTY_ROOM_MS).unref());
    if (this.#emptyRooms.size > MOST_EMPTY_ROOMS) this.#dropOldest();
  }

  #dropOldest(): void {
    const [oldest] = this.#emptyRooms.keys();
    const room = oldest === undefined ? undefined : this.#rooms.get(oldest);
    if (room !== undefined) this.#dropIfEmpty(room);
  }

  #dropIfEmpty(room: Room): void {
    clearTimeout(this.#emptyRooms.get(room.name));
    this.#emptyRooms.delete(room.name);
    // A join that waited when the room became empty may have succeeded since.
    if (room.size === 0) this.#drop(room);
  }

  #drop(room: Room): void {
    clearTimeout(this.#emptyRooms.get(room.name));
    this.#emptyRooms.delete(room.name);
    if (this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    this.#opened.closed(room.name);
    room.close();
    // Never rejects; a join that comes now subscribes after it on the same connection.
    void this.#store.unsubscribe(room.name);
  }

  readonly #reviewAll = (): void => {
    for (const room of this.#rooms.values()) room.stream.review();
  };

  readonly #auditAll = async (): Promise<void> => {
    const names = [...this.#rooms.keys()];
    for (let start = 0; start < names.length; start += AUDIT_CHUNK) {
      await this.#auditSome(names.slice(start, start + AUDIT_CHUNK));
    }
    this.#audit = setTimeout(this.#auditAll, auditPause()).unref();
  };

  async #auditSome(names: readonly string[]): Promise<void> {
    if (this.#store.status.state !== "live") return;
    const before = names.map((name) => this.#rooms.get(name)?.stream.ring.head ?? BEGINNING);
    // After an outage of the store every room is read anyway.
    const heads = await this.#store.heads(names).catch(() => []);
    for (const [index, head] of heads.entries()) {
      const name = names[index];
      if (name !== undefined) this.#rooms.get(name)?.stream.audit(head, before[index] ?? BEGINNING);
    }
  }

  readonly #renewGrants = async (): Promise<void> => {
    for (const room of [...this.#rooms.values()]) if (room.size > 0) await room.renewGrants();
    this.#renewal = setTimeout(this.#renewGrants, GRANT_RENEWAL_MS).unref();
  };

  readonly #syncPresence = async (): Promise<void> => {
    for (const room of [...this.#rooms.values()]) {
      if (this.#store.status.state === "live" && room.stream.state === "live") await room.presence.sync();
    }
    this.#presenceSync = setTimeout(this.#syncPresence, PRESENCE_SYNC_MS).unref();
  };
}

function openerOf({ connection, identity }: Member): Opener {
  return { network: connection.network, identity };
}

function auditPause(): number {
  return AUDIT_MS.least + Math.random() * (AUDIT_MS.most - AUDIT_MS.least);
}

/** Returns whether a join that rejected with this error may succeed later. */
export function isTemporary(error: unknown): boolean {
  return (
    error instanceof StoreUnavailable || error instanceof TooManyAnswers || error instanceof TooManyRooms
  );
}
