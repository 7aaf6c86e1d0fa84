import { randomBytes } from "node:crypto";
import { type AccessChange, type AccessOutcome, type AccessRule, ALL_ROOMS, type Grant } from "../access.ts";
import { enterHint, exitHint } from "../ephemeral.ts";
import { GuestLimits } from "../guest-limits.ts";
import type { MessageReport, NewReport, ReportOutcome } from "../message-reports.ts";
import { FLOORS, LEVELS, Quotas, YOUNG_MS } from "../quotas.ts";
import {
  type Append,
  type Appended,
  type Entry,
  type HandleClaim,
  type LeftHandle,
  type MessageStore,
  type PresenceSnapshot,
  type ReadLimit,
  type RoomHead,
  type RoomSubscriber,
  type RoomUser,
  type StoreLimits,
  type StoreListener,
  type StoreState,
  type StoreStatus,
  StoreUnavailable,
} from "../store.ts";
import { MemoryGrants } from "./memory-grants.ts";
import { MemoryReports } from "./memory-reports.ts";
import { MemoryRoom } from "./memory-room.ts";
import { newestFirst } from "./newest-first.ts";

const SWEEP_MS = 30_000;
/**
 * Approximate bytes over all rooms, at most: frames, and what is kept besides them. Space is freed before
 * they are reached.
 */
const TOTAL_BYTES = 256 * 1024 * 1024;
/** Shared values at most. There are few of them; more would be a defect of the caller. */
const MAX_SHARED = 1_000;

const WORDS: Readonly<Partial<Record<StoreState, string>>> = {
  connecting: "starting",
  live: "the embedded store is ready",
  closed: "closed",
};

interface Delivery {
  readonly room: string;
  readonly payload: Buffer;
  readonly access: AccessChange | undefined;
}

/**
 * The store in the memory of this process: the same rules as in Redis, for one process. History is lost at
 * exit.
 */
export class MemoryStore implements MessageStore {
  readonly kind = "embedded";
  readonly warnings = [];
  readonly instance: string;
  readonly #limits: StoreLimits;
  readonly #guestLimits: GuestLimits;
  readonly #clock: () => number;
  readonly #totalBytes: number;
  /** Rooms by name, least recently active first. Emptied by `sweep`. */
  readonly #rooms = new Map<string, MemoryRoom>();
  /** Rooms that guests made within a day, with the time, oldest first. Emptied by `sweep`. */
  readonly #guestRooms = new Map<string, number>();
  readonly #quotas: Quotas;
  #bytes = 0;
  /** Bytes above which space is freed. */
  #tightBytes: number;
  /** Users by room and user id. Emptied by `exit` and `syncPresence`. */
  readonly #people = new Map<string, Map<string, RoomUser>>();
  /** By room. Emptied by `unsubscribe`. */
  readonly #subscribers = new Map<string, RoomSubscriber>();
  readonly #grants = new MemoryGrants();
  readonly #reports = new MemoryReports();
  readonly #shared = new Map<string, string>();
  /** Publications of this tick of the event loop; delivered in the next one. */
  #deliveries: Delivery[] = [];
  #report: string | undefined;
  #listener: StoreListener | undefined;
  #state: StoreState = "connecting";
  #sweeping: NodeJS.Timeout | undefined;

  /**
   * @param clock milliseconds since 1970.
   * @param totalBytes approximate bytes over all rooms, at most.
   * @param instance the name of this process.
   */
  constructor(
    limits: StoreLimits,
    clock: () => number = Date.now,
    totalBytes = TOTAL_BYTES,
    instance = randomBytes(8).toString("hex"),
  ) {
    this.instance = instance;
    this.#limits = limits;
    this.#guestLimits = new GuestLimits(limits);
    this.#clock = clock;
    this.#totalBytes = totalBytes;
    this.#tightBytes = LEVELS.tight * totalBytes;
    this.#quotas = new Quotas(limits, () => this.#share);
  }

  get status(): StoreStatus {
    return { state: this.#state, reason: WORDS[this.#state] ?? this.#state };
  }

  start(listener: StoreListener): void {
    if (this.#state !== "connecting") return;
    this.#listener = listener;
    this.#sweeping = setInterval(() => this.sweep(), SWEEP_MS).unref();
    queueMicrotask(() => {
      if (this.#state === "connecting") this.#move("live");
    });
  }

  async append(message: Append): Promise<Appended> {
    if (this.#state !== "live") return { outcome: "unavailable" };
    const now = this.#clock();
    const grant = this.#quotas.grant(message);
    if (grant.message !== undefined) return grant.message;
    const known = this.#rooms.get(message.room);
    const room = known ?? new MemoryRoom(this.#limits, this.#guestLimits);
    const before = known?.bytes ?? 0;
    const { appended, entry, made } = room.append(message, grant, now, this.#rooms.get(ALL_ROOMS)?.access);
    grant.settle(made);
    if (entry === undefined) return appended;
    this.#bytes += room.bytes - before;
    // Deleting first moves the room to the end: the map's order is that of activity.
    this.#rooms.delete(message.room);
    this.#rooms.set(message.room, room);
    if (made?.room === true && message.guest !== undefined) this.#guestRooms.set(message.room, now);
    if (this.#bytes > this.#tightBytes) this.#makeSpace(room, now);
    this.#publish(message.room, entry.frame);
    return appended;
  }

  now(): number {
    return this.#clock();
  }

  async changeAccess(name: string, change: AccessChange): Promise<AccessOutcome> {
    if (this.#state !== "live") return { outcome: "unavailable" };
    const now = this.#clock();
    const known = this.#rooms.get(name);
    const room = known ?? new MemoryRoom(this.#limits, this.#guestLimits);
    const before = known?.bytes ?? 0;
    const entry = room.changeAccess(name, change, now);
    if (entry === undefined) return { outcome: "too-many" };
    if (change.recheck === true) this.#grants.recheck(name, change, now);
    this.#bytes += room.bytes - before;
    this.#rooms.set(name, room);
    this.#publish(name, entry.frame, change);
    return { outcome: "stored", id: entry.id };
  }

  async grant(room: string, grants: ReadonlyMap<string, Grant>): Promise<void> {
    this.#grants.write(room, grants, this.#clock());
  }

  async grantOf(room: string, user: string): Promise<Grant | undefined> {
    this.#mustBeLive();
    return this.#grants.of(room, user, this.#clock());
  }

  async accessRules(room: string): Promise<readonly AccessRule[]> {
    this.#mustBeLive();
    return this.#rooms.get(room)?.access.rules ?? [];
  }

  async accessRulesOf(
    room: string,
    subjects: readonly string[],
  ): Promise<readonly (AccessRule | undefined)[]> {
    this.#mustBeLive();
    const access = this.#rooms.get(room)?.access;
    return subjects.map((subject) => access?.of(subject));
  }

  async readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]> {
    this.#mustBeLive();
    return this.#rooms.get(room)?.from(from, limit) ?? [];
  }

  async readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    this.#mustBeLive();
    return this.#rooms.get(room)?.before(before, limit) ?? [];
  }

  async heads(rooms: readonly string[]): Promise<string[]> {
    this.#mustBeLive();
    return rooms.map((room) => this.#rooms.get(room)?.head ?? "0-0");
  }

  async recentRooms(count: number): Promise<RoomHead[]> {
    this.#mustBeLive();
    const heads = Array.from(this.#rooms, ([room, { head }]) => ({ room, head }));
    return newestFirst(heads.filter(({ room }) => room !== ALL_ROOMS)).slice(0, count);
  }

  async subscribe(room: string, subscriber: RoomSubscriber): Promise<void> {
    this.#mustBeLive();
    this.#subscribers.set(room, subscriber);
  }

  async unsubscribe(room: string): Promise<void> {
    this.#subscribers.delete(room);
  }

  publishEphemeral(room: string, payload: Buffer): void {
    if (this.#state === "live") this.#publish(room, payload);
  }

  async enter(room: string, person: RoomUser): Promise<void> {
    if (this.#state !== "live") return;
    const people = this.#people.get(room) ?? new Map<string, RoomUser>();
    people.set(person.id, person);
    this.#people.set(room, people);
    this.#publish(room, enterHint(this.instance, [person]));
  }

  async exit(room: string, user: string): Promise<void> {
    if (this.#state !== "live") return;
    const people = this.#people.get(room);
    people?.delete(user);
    if (people?.size === 0) this.#people.delete(room);
    this.#publish(room, exitHint(this.instance, [user]));
  }

  async syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]> {
    this.#mustBeLive();
    const people = new Map(here.map((user) => [user.id, user]));
    if (people.size === 0) this.#people.delete(room);
    else this.#people.set(room, people);
    return [...people.values()].map((person) => ({ ...person, instances: [this.instance] }));
  }

  async settleHandles(
    name: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]> {
    this.#mustBeLive();
    const room = this.#rooms.get(name) ?? new MemoryRoom(this.#limits, this.#guestLimits);
    const now = this.#clock();
    const handles = claims.map((claim) => room.handles.settle(claim, now));
    for (const { user, requested } of left) room.handles.release(user, requested);
    if (!room.isEmpty) this.#rooms.set(name, room);
    return handles;
  }

  async shared(name: string, proposal: string): Promise<string> {
    this.#mustBeLive();
    const stored = this.#shared.get(name);
    if (stored !== undefined) return stored;
    if (this.#shared.size >= MAX_SHARED) throw new StoreUnavailable("too many shared values");
    this.#shared.set(name, proposal);
    return proposal;
  }

  get roundTripAgeMs(): number | undefined {
    return this.#state === "live" ? 0 : undefined;
  }

  async reportProcess(text: string): Promise<void> {
    this.#report = text;
  }

  async processReports(): Promise<string[]> {
    this.#mustBeLive();
    return this.#report === undefined ? [] : [this.#report];
  }

  async addReport(report: NewReport, network: string | undefined): Promise<ReportOutcome> {
    return this.#state === "live"
      ? this.#reports.add(report, network, this.#clock())
      : { outcome: "unavailable" };
  }

  async messageReports(before: string | undefined, count: number): Promise<readonly MessageReport[]> {
    this.#mustBeLive();
    return this.#reports.before(before, count, this.#clock());
  }

  async messageReport(id: string): Promise<MessageReport | undefined> {
    this.#mustBeLive();
    return this.#reports.of(id, this.#clock());
  }

  async dismissReport(id: string): Promise<boolean> {
    this.#mustBeLive();
    return this.#reports.dismiss(id);
  }

  /** There is no other process. */
  async require(): Promise<void> {
    this.#mustBeLive();
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    clearInterval(this.#sweeping);
    this.#deliveries = [];
    this.#move("closed");
  }

  /** Removes what is too old, and empty rooms; called every 30 s by a timer. */
  sweep(): void {
    const now = this.#clock();
    this.#guestLimits.sweep(now);
    this.#grants.sweep(now);
    this.#reports.sweep(now);
    for (const [name, room] of this.#rooms) {
      this.#change(room, () => room.sweep(now));
      if (room.isEmpty) this.#forget(name, room);
    }
    for (const [name, madeAt] of this.#guestRooms) {
      if (madeAt <= now - YOUNG_MS) this.#guestRooms.delete(name);
    }
  }

  /**
   * Frees space in the order of the Redis store. In the end whole rooms are removed with their known keys,
   * least recently active first.
   */
  #makeSpace(spared: MemoryRoom, now: number): void {
    this.#changeSome(this.#rooms.values(), LEVELS.easy, (room) => room.forgetPassing(now));
    const young = [...this.#guestRooms.keys()].reverse().flatMap((name) => this.#rooms.get(name) ?? []);
    this.#changeSome(young, LEVELS.easy, (room) => room.shorten(1));
    for (const { messages, above, until } of FLOORS) {
      if (this.#share > above)
        this.#changeSome(this.#rooms.values(), until, (room) => room.shorten(messages));
    }
    if (this.#share > LEVELS.rooms) this.#forgetQuietest(spared);
    // Raised, so that it is not done for every message if little could be freed.
    const { tight } = LEVELS;
    this.#tightBytes = Math.max(tight * this.#totalBytes, this.#bytes + this.#totalBytes / 100);
  }

  get #share(): number {
    return this.#bytes / this.#totalBytes;
  }

  #forgetQuietest(spared: MemoryRoom): void {
    for (const [name, room] of this.#rooms) {
      if (this.#share <= LEVELS.guestWriters) return;
      if (room === spared) continue;
      // Who was shut out must not come back because the memory was full.
      if (room.access.isEmpty) this.#forget(name, room);
      else this.#change(room, () => room.shorten(0));
    }
  }

  /** Changes rooms in their order, until no more than that share is in use. */
  #changeSome(rooms: Iterable<MemoryRoom>, until: number, change: (room: MemoryRoom) => void): void {
    for (const room of rooms) {
      if (this.#share <= until) return;
      this.#change(room, () => change(room));
    }
  }

  #change(room: MemoryRoom, change: () => void): void {
    const before = room.bytes;
    change();
    this.#bytes += room.bytes - before;
  }

  #forget(name: string, room: MemoryRoom): void {
    this.#bytes -= room.bytes;
    this.#rooms.delete(name);
    this.#guestRooms.delete(name);
  }

  #publish(room: string, payload: Buffer, access?: AccessChange): void {
    if (this.#deliveries.length === 0) setImmediate(this.#deliver);
    this.#deliveries.push({ room, payload, access });
  }

  readonly #deliver = (): void => {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    for (const { room, payload, access } of deliveries)
      this.#subscribers.get(room)?.onPublication(payload, access);
  };

  #move(state: StoreState): void {
    this.#state = state;
    this.#listener?.statusChanged(this.status);
  }

  #mustBeLive(): void {
    if (this.#state !== "live") throw new StoreUnavailable(this.status.reason);
  }
}
