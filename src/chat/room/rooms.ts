import { BEGINNING } from "../../protocol/ids.ts";
import { type MessageStore, StoreUnavailable } from "../../store/store.ts";
import { type AnswerSpace, TooManyAnswers } from "../limits/answer-budget.ts";
import { OpenedRooms, TooManyRooms } from "../session/opened-rooms.ts";
import type { Cursor } from "./history.ts";
import type { Member } from "./member.ts";
import { Room, type RoomDeps } from "./room.ts";

/** How long a room that everyone left is kept, ms: a reload, or a deploy of the clients, finds it warm. */
const LINGER_MS = 10_000;

/** Rooms kept for that reason at most; the one that has been empty longest goes first. */
const LINGERING = 1_000;

/** How often rooms are asked whether something is overdue, ms. */
const REVIEW_MS = 500;

/** The pause before the newest ids of all rooms are held against the store's, ms; drawn between the two. */
const AUDIT_MS = { least: 20_000, most: 60_000 } as const;

/** The pause between roll calls, ms: with the lease of 40 s, who died is gone within 60 s. */
const ROLL_CALL_MS = 14_000;

/** Rooms whose newest ids are asked for at once. */
const AUDIT_CHUNK = 500;

/** The rooms of this process. A room is here while somebody local is in it, and for a short while after. */
export class Rooms {
  readonly #deps: RoomDeps;
  readonly #store: MessageStore;
  readonly #rooms = new Map<string, Room>();
  readonly #opened: OpenedRooms;
  /** Empty rooms and the timers that end them, the longest empty first. */
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  #review: NodeJS.Timeout | undefined;
  #audit: NodeJS.Timeout | undefined;
  #rollCall: NodeJS.Timeout | undefined;

  /** @param maxPerNetwork rooms that connections of one network may have open; 0 = no limit. */
  constructor(deps: RoomDeps, maxPerNetwork = 0) {
    this.#deps = deps;
    this.#opened = new OpenedRooms(maxPerNetwork);
    this.#store = deps.store;
  }

  /** Begins to look at all rooms regularly. */
  start(): void {
    this.#review = setInterval(this.#reviewAll, REVIEW_MS).unref();
    this.#audit = setTimeout(this.#auditAll, auditPause()).unref();
    this.#rollCall = setTimeout(this.#callAll, ROLL_CALL_MS).unref();
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /**
   * Returns the room of that name, which is opened if need be. It must be joined in the same tick, or it may be closed.
   * @param network whose connection enters it. Throws TooManyRooms where that has opened as many as it may.
   */
  open(name: string, network: string): Room {
    clearTimeout(this.#lingering.get(name));
    this.#lingering.delete(name);
    const known = this.#rooms.get(name);
    if (known !== undefined && known.state !== "closed") return known;
    this.#opened.open(name, network);
    const room = new Room(name, this.#deps);
    this.#rooms.set(name, room);
    return room;
  }

  /** Lets a member into a room that `open` returned; see `Room.join`. */
  async join(room: Room, member: Member, cursor: Cursor, space: AnswerSpace): Promise<void> {
    try {
      await room.join(member, cursor, space);
    } finally {
      if (room.size === 0) this.#emptied(room);
    }
  }

  /** Ends a connection's membership; nothing where it has none. */
  leave(room: Room, connection: string): void {
    room.leave(connection);
    if (room.size === 0) this.#emptied(room);
  }

  /** Every room reads what it missed. Rejects if one could not. */
  async catchUp(): Promise<void> {
    const rooms = [...this.#rooms.values()];
    await Promise.all(rooms.map((room) => room.suspect("the subscription was renewed")));
    for (const room of rooms) {
      if (room.state === "stale") throw new Error(`room ${room.name} could not be read`);
      room.flush();
    }
    // Nobody waits for these: presence is a hint.
    for (const room of rooms) void room.presence.sync();
  }

  /** The store is away. Rooms that were about to open are given up: their joins are refused. */
  storeLost(): void {
    for (const room of this.#rooms.values()) {
      room.storeLost();
      if (room.state === "closed") this.#drop(room);
    }
  }

  close(): void {
    clearInterval(this.#review);
    clearTimeout(this.#audit);
    clearTimeout(this.#rollCall);
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#lingering.clear();
    for (const room of this.#rooms.values()) room.close();
    this.#rooms.clear();
  }

  #emptied(room: Room): void {
    if (this.#rooms.get(room.name) !== room) return;
    if (room.state === "closed") {
      this.#drop(room);
      return;
    }
    clearTimeout(this.#lingering.get(room.name));
    this.#lingering.delete(room.name);
    this.#lingering.set(room.name, setTimeout(() => this.#endLinger(room), LINGER_MS).unref());
    if (this.#lingering.size > LINGERING) this.#dropOldest();
  }

  #dropOldest(): void {
    const [oldest] = this.#lingering.keys();
    const room = oldest === undefined ? undefined : this.#rooms.get(oldest);
    if (room !== undefined) this.#endLinger(room);
  }

  #endLinger(room: Room): void {
    clearTimeout(this.#lingering.get(room.name));
    this.#lingering.delete(room.name);
    // A join that was waiting when the room was last empty may have been let in since.
    if (room.size === 0) this.#drop(room);
  }

  #drop(room: Room): void {
    clearTimeout(this.#lingering.get(room.name));
    this.#lingering.delete(room.name);
    if (this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    this.#opened.closed(room.name);
    room.close();
    // Never rejects; a join that comes now subscribes after it on the same connection.
    void this.#store.unsubscribe(room.name);
  }

  readonly #reviewAll = (): void => {
    for (const room of this.#rooms.values()) room.review();
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
    const before = names.map((name) => this.#rooms.get(name)?.head ?? BEGINNING);
    // An unreachable log finds its own way back, and every room is read then.
    const heads = await this.#store.heads(names).catch(() => []);
    for (const [index, head] of heads.entries()) {
      const name = names[index];
      if (name !== undefined) this.#rooms.get(name)?.audit(head, before[index] ?? BEGINNING);
    }
  }

  readonly #callAll = async (): Promise<void> => {
    for (const room of [...this.#rooms.values()]) {
      if (this.#store.status.state === "live" && room.state === "live") await room.presence.sync();
    }
    this.#rollCall = setTimeout(this.#callAll, ROLL_CALL_MS).unref();
  };
}

function auditPause(): number {
  return AUDIT_MS.least + Math.random() * (AUDIT_MS.most - AUDIT_MS.least);
}

/** Whether a join that rejected with this may succeed later. */
export function isTemporary(error: unknown): boolean {
  return (
    error instanceof StoreUnavailable || error instanceof TooManyAnswers || error instanceof TooManyRooms
  );
}
