import { BEGINNING, compareIds } from "../../../src/protocol/ids.ts";
import {
  type AccessChange,
  type AccessOutcome,
  type AccessRule,
  ALL_ROOMS,
  type Grant,
} from "../../../src/store/access.ts";
import { accessBody, entryOf } from "../../../src/store/entry.ts";
import { enterHint, exitHint } from "../../../src/store/ephemeral.ts";
import { MemoryAccess } from "../../../src/store/memory/memory-access.ts";
import { MemoryReports } from "../../../src/store/memory/memory-reports.ts";
import { newestFirst } from "../../../src/store/memory/newest-first.ts";
import type { MessageReport, NewReport, ReportOutcome } from "../../../src/store/message-reports.ts";
import {
  type Append,
  type Appended,
  type Entry,
  type HandleClaim,
  type MessageStore,
  type PresenceSnapshot,
  type ReadLimit,
  type RoomHead,
  type RoomSubscriber,
  type RoomUser,
  type StoreListener,
  type StoreState,
  type StoreStatus,
  StoreUnavailable,
} from "../../../src/store/store.ts";

/** What a test stores without a client. */
export interface Stored {
  readonly text?: string;
  readonly id?: string;
  readonly user?: string;
  readonly key?: string;
  /** False: nothing is delivered, as if a publication was lost. */
  readonly published?: boolean;
}

interface Paused {
  readonly answer: () => void;
}

/**
 * A stream that does what a test says: it may be slow, away, forgetful or wrong. It publishes in the turn of
 * the append, and a read finds what is there in the turn in which it was asked.
 */
export class FakeStore implements MessageStore {
  readonly kind: "embedded" | "redis" = "redis";
  readonly instance: string;
  status: StoreStatus = { state: "live", reason: "as the test wants it" };
  readonly warnings: string[] = [];
  /** The oldest first. */
  readonly rooms = new Map<string, Entry[]>();
  readonly subscribers = new Map<string, RoomSubscriber>();
  /** What was asked, in order: `subscribe lobby`, `from lobby 1-1`, `before lobby`, `heads`. */
  readonly calls: string[] = [];
  /** The access rules of every single room: all of them have the same. */
  readonly access = new MemoryAccess();
  /** The rules for all rooms. */
  readonly globalAccess = new MemoryAccess();
  /** What the app granted, by room and user. */
  readonly granted = new Map<string, Grant>();
  /** The reports of messages. */
  readonly reports = new MemoryReports();
  /** What the next reports are answered with, instead of being stored. */
  readonly reportAnswers: ReportOutcome[] = [];
  readonly appends: Append[] = [];
  /** What the next appends are answered with, instead of being stored. */
  readonly answers: Appended[] = [];
  /** What other processes have, by room. */
  readonly elsewhere = new Map<string, PresenceSnapshot[]>();
  /** Handles that were asked for: `lobby ann Ann`. */
  readonly claims: string[] = [];
  /** Users whose handle is another's, and what they have instead. */
  readonly settled = new Map<string, string>();
  /** What processes say of themselves, by instance. */
  readonly reported = new Map<string, string>();
  /** Reads fail although the store says that it is live. */
  failing = false;
  /** Publishes are lost. */
  deaf = false;
  /** Called before a call is answered: what happens in between. */
  meanwhile: () => void = () => undefined;
  #listener: StoreListener | undefined;
  #paused: Paused[] | undefined;
  #ms = 1_000;
  readonly #keys = new Map<string, string>();

  constructor(instance = "this-process") {
    this.instance = instance;
  }

  /** Reads of entries only. */
  get reads(): string[] {
    return this.calls.filter((call) => call.startsWith("from") || call.startsWith("before"));
  }

  start(listener: StoreListener): void {
    this.#listener = listener;
    listener.statusChanged(this.status);
  }

  async append(append: Append): Promise<Appended> {
    this.appends.push(append);
    await this.#turn();
    const answer = this.answers.shift();
    if (answer !== undefined) return answer;
    if (this.status.state !== "live") return { outcome: "unavailable" };
    const name = `${append.room} ${append.user} ${append.key}`;
    const known = append.key === undefined ? undefined : this.#keys.get(name);
    if (known !== undefined) return { outcome: "duplicate", id: known };
    const { id } = this.#add(append.room, append.body, undefined, !this.deaf);
    this.#keys.set(name, id);
    const handle = append.requested === undefined ? undefined : this.settled.get(append.user);
    return { outcome: "stored", id, ...(handle === undefined ? {} : { handle }) };
  }

  now(): number {
    // Between the newest entry and the next one.
    return this.#ms + 0.5;
  }

  async changeAccess(room: string, change: AccessChange): Promise<AccessOutcome> {
    await this.#turn();
    const entry = this.#add(room, accessBody(room), undefined, false);
    const stored = { ...entry, access: change };
    this.rooms.set(room, [...this.entries(room).slice(0, -1), stored]);
    this.#accessOf(room).change(change, entry.id);
    if (!this.deaf) this.subscribers.get(room)?.onPublication(stored.frame, change);
    return { outcome: "stored", id: entry.id };
  }

  async grant(room: string, grants: ReadonlyMap<string, Grant>): Promise<void> {
    for (const [user, grant] of grants) this.granted.set(`${room} ${user}`, grant);
  }

  async grantOf(room: string, user: string): Promise<Grant | undefined> {
    return this.granted.get(`${room} ${user}`);
  }

  async accessRules(room: string): Promise<readonly AccessRule[]> {
    const { rules } = this.#accessOf(room);
    await this.#answer();
    return rules;
  }

  async accessRulesOf(
    room: string,
    subjects: readonly string[],
  ): Promise<readonly (AccessRule | undefined)[]> {
    const access = this.#accessOf(room);
    const rules = subjects.map((subject) => access.of(subject));
    await this.#answer();
    return rules;
  }

  #accessOf(room: string): MemoryAccess {
    return room === ALL_ROOMS ? this.globalAccess : this.access;
  }

  async readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]> {
    this.calls.push(`from ${room} ${from}`);
    const found = this.entries(room).filter(({ id }) => compareIds(id, from) >= 0);
    await this.#answer();
    return cut(found, limit);
  }

  async readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    this.calls.push(before === undefined ? `before ${room}` : `before ${room} ${before}`);
    const found = this.entries(room).filter(({ id }) => before === undefined || compareIds(id, before) < 0);
    await this.#answer();
    return cut(found.reverse(), limit).reverse();
  }

  async heads(rooms: readonly string[]): Promise<string[]> {
    this.calls.push("heads");
    const heads = rooms.map((room) => this.head(room));
    await this.#answer();
    return heads;
  }

  async recentRooms(count: number): Promise<RoomHead[]> {
    this.calls.push("recent rooms");
    const heads = Array.from(this.rooms.keys(), (room) => ({ room, head: this.head(room) }));
    await this.#answer();
    return newestFirst(heads).slice(0, count);
  }

  async subscribe(room: string, subscriber: RoomSubscriber): Promise<void> {
    this.calls.push(`subscribe ${room}`);
    await this.#answer();
    this.subscribers.set(room, subscriber);
    this.meanwhile();
  }

  async unsubscribe(room: string): Promise<void> {
    this.calls.push(`unsubscribe ${room}`);
    this.subscribers.delete(room);
  }

  publishEphemeral(room: string, payload: Buffer): void {
    this.publish(room, payload);
  }

  async enter(room: string, person: RoomUser): Promise<void> {
    this.calls.push(`enter ${room} ${person.id}`);
    this.publish(room, enterHint(this.instance, [person]));
  }

  async exit(room: string, user: string): Promise<void> {
    this.calls.push(`exit ${room} ${user}`);
    this.publish(room, exitHint(this.instance, [user]));
  }

  async syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]> {
    await this.#answer();
    const others = this.elsewhere.get(room) ?? [];
    return [...here.map((person) => ({ ...person, instances: [this.instance] })), ...others];
  }

  async settleHandles(room: string, claims: readonly HandleClaim[]): Promise<readonly string[]> {
    this.claims.push(...claims.map(({ user, requested }) => `${room} ${user} ${requested.handle}`));
    await this.#answer();
    return claims.map(({ user, requested }) => this.settled.get(user) ?? requested.handle);
  }

  async shared(_name: string, proposal: string): Promise<string> {
    return proposal;
  }

  get roundTripAgeMs(): number | undefined {
    return this.status.state === "live" ? 5 : undefined;
  }

  async reportProcess(text: string): Promise<void> {
    this.reported.set(this.instance, text);
  }

  async processReports(): Promise<string[]> {
    this.calls.push("processReports");
    await this.#answer();
    return [...this.reported.values()];
  }

  async addReport(report: NewReport, network: string | undefined): Promise<ReportOutcome> {
    await this.#turn();
    return this.reportAnswers.shift() ?? this.reports.add(report, network, this.#ms);
  }

  async messageReports(before: string | undefined, count: number): Promise<readonly MessageReport[]> {
    await this.#answer();
    return this.reports.before(before, count, this.#ms);
  }

  async messageReport(id: string): Promise<MessageReport | undefined> {
    await this.#answer();
    return this.reports.of(id, this.#ms);
  }

  async dismissReport(id: string): Promise<boolean> {
    await this.#answer();
    return this.reports.dismiss(id);
  }

  async require(): Promise<void> {
    await this.#answer();
  }

  async close(): Promise<void> {
    this.status = { state: "closed", reason: "closed" };
  }

  // What a test does to it.

  entries(room: string): Entry[] {
    return [...(this.rooms.get(room) ?? [])];
  }

  head(room: string): string {
    return this.rooms.get(room)?.at(-1)?.id ?? BEGINNING;
  }

  /** Another process stores a message. */
  store(room: string, { text = "text", id, user = "someone", key, published = true }: Stored = {}): Entry {
    const body = JSON.stringify({ type: "message", room, user, handle: "Someone", text, key }).slice(1);
    return this.#add(room, body, id, published);
  }

  /** Stores `count` messages without publishing them. */
  fill(room: string, count: number, text = "text"): Entry[] {
    return Array.from({ length: count }, () => this.store(room, { text, published: false }));
  }

  /** Something arrives on the room's channel. */
  publish(room: string, payload: Buffer): void {
    this.subscribers.get(room)?.onPublication(payload);
  }

  /** Something was published as an entry that is not known to be stored. */
  publishUnverified(room: string, id: string): void {
    this.subscribers.get(room)?.onUnverified(id);
  }

  /** Drops the oldest entries. */
  trim(room: string, count: number): void {
    this.rooms.set(room, this.entries(room).slice(count));
  }

  /** Goes back in time: an older copy took over, or a replica that lagged. */
  lose(room: string, newest: number): void {
    this.rooms.set(room, this.entries(room).slice(0, -newest));
  }

  /**
   * From now on nothing is answered until the result is called; it answers what was asked and what comes
   * then.
   */
  pause(): () => void {
    const paused: Paused[] = [];
    this.#paused = paused;
    return () => {
      if (this.#paused === paused) this.#paused = undefined;
      for (const { answer } of paused) answer();
    };
  }

  /** The store is away. */
  down(): void {
    this.#move("down");
  }

  /** It is back: everything is subscribed, and the rooms catch up before it is live. */
  async up(): Promise<void> {
    this.#move("catching-up");
    await this.#listener?.catchUp();
    this.#move("live");
  }

  #move(state: StoreState): void {
    this.status = { state, reason: `the store is ${state}` };
    this.#listener?.statusChanged(this.status);
  }

  #add(room: string, body: string, id: string | undefined, published: boolean): Entry {
    this.#ms += 1;
    const entry = entryOf(id ?? `${this.#ms}-${this.#ms % 7}`, this.head(room), body);
    this.rooms.set(room, [...this.entries(room), entry]);
    if (published) this.publish(room, entry.frame);
    return entry;
  }

  async #turn(): Promise<void> {
    this.meanwhile();
    await Promise.resolve();
    const paused = this.#paused;
    if (paused !== undefined) await new Promise<void>((resolve) => paused.push({ answer: resolve }));
    this.meanwhile();
  }

  async #answer(): Promise<void> {
    await this.#turn();
    const away = this.status.state !== "live" && this.status.state !== "catching-up";
    if (this.failing || away) throw new StoreUnavailable("away, as the test wants it");
  }
}

function cut(entries: readonly Entry[], limit: ReadLimit): Entry[] {
  const read: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.frame.length;
    if (read.length >= limit.entries || (bytes > limit.bytes && read.length > 0)) break;
    read.push(entry);
  }
  return read;
}
