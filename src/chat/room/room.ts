import type { Logger } from "../../logging/logger.ts";
import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { looksLikeEntry } from "../../store/entry.ts";
import { type Entry, type MessageStore, type RoomSubscriber, StoreUnavailable } from "../../store/store.ts";
import { withTimeout } from "../../store/with-timeout.ts";
import type { Connection } from "../connection.ts";
import type { Counters } from "../counters.ts";
import { type AnswerSpace, UNCOUNTED } from "../limits/answer-budget.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import { STORE_WAIT_MS } from "../limits/time-limit.ts";
import { AckedEntries } from "./acked-entries.ts";
import { readMissed } from "./catch-up.ts";
import { checkedEntry } from "./checked-entry.ts";
import { EntryReader, sizeOf } from "./entry-reader.ts";
import { HeldEntries } from "./held-entries.ts";
import { type Cursor, History, type HistoryPage, pageOf } from "./history.ts";
import type { Member } from "./member.ts";
import { closeIfTooSlow, Outbox } from "./outbox.ts";
import { type People, type PresenceDeps, RoomPresence } from "./presence/room-presence.ts";
import { RING, Ring, type RingBudget } from "./ring.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "./room-state.ts";
import { newest, type Page, type Snapshot } from "./snapshot.ts";
import { UnverifiedReads } from "./unverified-reads.ts";

/** What every room of a process shares. */
export interface RoomDeps extends PresenceDeps {
  readonly ringBudget: RingBudget;
  readonly reads: ReadSlots;
  /** How long a busy room joins messages into one write, ms. */
  readonly batchWindowMs: number;
}

/** A reading of the store under way. */
interface Reading {
  /** Its identity: whoever was overtaken by a later one must not act on what it read. */
  readonly token: object;
  readonly ended: Promise<void>;
}

/**
 * One room in this process: its members, its newest frames, and the check that nothing is missing.
 * It exists while somebody local is in it. Everything is shown in the order of the store, once, and only after it
 * came back from there.
 */
export class Room implements RoomSubscriber {
  readonly name: string;
  readonly presence: RoomPresence;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #ring: Ring;
  readonly #outbox: Outbox;
  readonly #entries: EntryReader;
  readonly #history: History;
  readonly #members = new Map<string, Member>();
  #state: RoomState = "opening";
  readonly #held = new HeldEntries();
  /** The newest reading of the store; fulfils when it ended, well or not. */
  #reading: Reading;
  /**
   * What a reading brought may still arrive on the channel, which is in order: true until something arrives that the room has not read.
   */
  #channelIsBehind = false;
  readonly #acked = new AckedEntries();
  readonly #unverified = new UnverifiedReads(() => this.#readUnverified());

  constructor(name: string, deps: RoomDeps) {
    this.name = name;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#counters = deps.counters;
    this.#ring = new Ring(deps.ringBudget);
    this.#outbox = new Outbox(deps.batchWindowMs, deps.counters);
    this.#entries = new EntryReader(this.#store, name, deps.reads);
    this.#history = new History(this.#entries, this.#ring);
    this.presence = new RoomPresence(name, deps, this.#outbox);
    this.#reading = this.#read((reading) => this.#open(reading));
  }

  get state(): RoomState {
    return this.#state;
  }

  get head(): string {
    return this.#ring.head;
  }

  get size(): number {
    return this.#members.size;
  }

  /**
   * Lets a member in, or gives a member of it a resync. `member.joined` is called in the turn in which it
   * begins to get what arrives. Rejects with StoreUnavailable after at most `STORE_WAIT_MS`, and where `space` has none for the messages; the
   * member is then not let in.
   */
  async join(member: Member, cursor: Cursor, space = UNCOUNTED): Promise<void> {
    const wait = { over: false };
    try {
      await withTimeout(STORE_WAIT_MS, this.#admit(member, cursor, space, wait));
    } finally {
      wait.over = true;
    }
  }

  leave(connection: string): void {
    const member = this.#members.get(connection);
    if (member === undefined) return;
    this.#members.delete(connection);
    this.#outbox.remove(member.connection);
    this.presence.leave(member);
  }

  /** The newest entries before an id (undefined = of all). Rejects with StoreUnavailable after at most `STORE_WAIT_MS`. */
  before(id: string | undefined, limit: number): Promise<HistoryPage> {
    return this.#page(() => this.#history.before(id, limit));
  }

  /** The oldest entries after an id; otherwise as `before`. */
  after(id: string, limit: number): Promise<HistoryPage> {
    return this.#page(() => this.#history.after(id, limit));
  }

  /** Who is here, over all processes. Rejects with StoreUnavailable after at most `STORE_WAIT_MS`. */
  async people(): Promise<People> {
    await withTimeout(STORE_WAIT_MS, this.#settled());
    return this.presence.people();
  }

  /** Sends a member the answer to something it did here, together with the next messages if they come within a window. */
  answer(connection: Connection, bytes: Buffer): void {
    this.#outbox.answer(connection, bytes);
  }

  /** Something arrived on the room's channel. */
  onPublication(payload: Buffer): void {
    if (!looksLikeEntry(payload)) {
      // In every state: nobody publishes a hint again, and a roll call may be older than it.
      this.presence.onPublication(payload);
      return;
    }
    const entry = checkedEntry(this.name, payload);
    if (entry === undefined) {
      const fields = { event: "malformed", room: this.name, bytes: payload.length };
      this.#logger.warn(fields, "skipped what is no message");
      return;
    }
    this.#acked.arrived(entry.id);
    if (this.#state === "live" && entry.prev === this.#ring.head) this.#showNext(entry);
    else if (!this.#isPassed(entry.id)) this.#hold(entry);
  }

  /** Shows an entry that was published and may not be stored only once it was read from the store. */
  onUnverified(id: string): void {
    this.#unverified.add(id, this.#ring.head);
  }

  /** An append was acked: it must come back on the channel soon. */
  expect(id: string): void {
    if (!this.#holdsOrPassed(id)) this.#acked.expect(id);
  }

  /** Called now and then: an acked id that did not come back, and a catch-up that failed, are looked into. */
  review(): void {
    if (this.#state === "live" && this.#acked.isOverdue) {
      this.#acked.clear();
      void this.suspect("an acked message did not come back");
    } else if (this.#state === "stale" && this.#store.status.state === "live") {
      void this.suspect("the last catch-up failed");
    }
  }

  /** Compares the store's newest id with the room's. `head` is what the room's was when the store was asked. */
  audit(storeHead: string, head: string): void {
    if (this.#state !== "live" || storeHead === this.#ring.head || this.#ring.has(storeHead)) return;
    // A stream that is whole does not end before `head`. What is between may be more than the room holds: it went on while the store answered.
    if (compareIds(storeHead, head) >= 0 && compareIds(storeHead, this.#ring.base) <= 0) return;
    void this.suspect("the store's newest entry is not here");
  }

  /** Reads what may be missing, in order, once for all members. Fulfils when that ended, well or not. */
  suspect(reason: string, level: "info" | "debug" = "info"): Promise<void> {
    if (this.#state === "live" || this.#state === "stale") {
      this.#step("suspicion");
      this.#counters.catchUps += 1;
      const fields = { event: "catch-up", room: this.name, after: this.#ring.head, reason };
      this.#logger[level](fields, "reading the store");
      this.#reading = this.#read((reading) => this.#catchUp(reading));
    }
    return this.#reading.ended;
  }

  /** The store is away: nothing is served from memory until it was read again. */
  storeLost(): void {
    this.#step("store-lost");
  }

  /** Writes what is due to the members now. */
  flush(): void {
    this.#outbox.flush();
  }

  /** Gives up everything. The room is of no use afterwards. */
  close(): void {
    this.#step("closed");
    this.#unverified.clear();
    this.#outbox.close();
    this.#ring.clear();
    this.#held.clear();
    this.#acked.clear();
    this.presence.close();
  }

  async #readUnverified(): Promise<void> {
    // A read that is under way may be older than the publication.
    while (this.#state === "opening" || this.#state === "catching-up") await this.#reading.ended;
    this.#unverified.begun();
    // Where the store is away, everything is read when it is back. The store's own log line is throttled, this one would not be.
    if (this.#state === "live") await this.suspect("something was published that may not be stored", "debug");
  }

  #step(event: RoomEvent): void {
    this.#state = nextRoomState(this.#state, event);
  }

  /** Begins a reading of the store; one that was begun before and is still under way no longer counts. */
  #read(work: (reading: object) => Promise<void>): Reading {
    const token = {};
    const ended = work(token).catch((error: unknown) => this.#failed(error, token));
    return { token, ended };
  }

  #counts(token: object, state: RoomState): boolean {
    return this.#state === state && this.#reading.token === token;
  }

  async #open(token: object): Promise<void> {
    await this.#store.subscribe(this.name, this);
    const [read] = await Promise.all([this.#entries.first(RING), this.presence.sync()]);
    if (!this.#counts(token, "opening")) return;
    this.#replace(read);
    this.#step("opened");
    this.#release();
  }

  async #catchUp(token: object): Promise<void> {
    // What arrived before the read is in what is read, or was never stored.
    const before = this.#held.size;
    const { base } = this.#ring;
    const found = await readMissed(this.#entries, this.#ring.head);
    if (!this.#counts(token, "catching-up")) return;
    if (found.lost || found.missed.length > 0) this.#counters.holes += 1;
    if (found.lost) {
      await this.#startOver(token);
      return;
    }
    this.#counters.recovered += found.missed.length;
    if (found.missed.length > 0) this.#channelIsBehind = true;
    for (const entry of found.missed) this.#show(entry);
    const missed = new Set(found.missed.map(({ id }) => id));
    // The store continues what the room has: what is not above `base` is before it there, or nowhere.
    const unknown = this.#held
      .takeFirst(before)
      .filter(({ id }) => compareIds(id, base) > 0 && !this.#ring.has(id) && !missed.has(id));
    if (unknown.length > 0) {
      const fields = { event: "not-stored", room: this.name, count: unknown.length };
      this.#logger.warn(fields, "dropped messages that the store does not have");
    }
    this.#step("caught-up");
    this.#release();
  }

  /** The store does not continue what the members have: they are told, and begin again at its newest entries. */
  async #startOver(token: object): Promise<void> {
    // What arrives from now on may be behind what is read.
    const before = this.#held.size;
    const read = await this.#entries.freshNewest(RING);
    if (!this.#counts(token, "catching-up")) return;
    const newHead = read.at(-1)?.id ?? BEGINNING;
    const fields = { event: "reset", room: this.name, head: this.#ring.head, newHead };
    this.#logger.warn(fields, "the store does not continue here; members start over");
    this.#counters.resets += 1;
    this.#outbox.flush();
    this.#replace(read);
    this.#held.takeFirst(before);
    const page = newest(this.#ring.entries, LIMITS.joinMessages, this.#ring.base !== BEGINNING);
    for (const member of this.#members.values()) {
      if (!closeIfTooSlow(member.connection)) member.restarted(this.#snapshot(member, page, false));
    }
    this.#step("caught-up");
    this.#release();
  }

  #failed(error: unknown, token: object): void {
    const fields = { event: "log-failed", room: this.name, state: this.#state, err: error };
    if (error instanceof StoreUnavailable) this.#logger.info(fields, "the store did not answer");
    else this.#logger.error(fields, "reading the store failed");
    if (this.#reading.token === token) this.#step("store-lost");
  }

  /** Begins anew with what was read. */
  #replace(read: readonly Entry[]): void {
    this.#ring.replace(read);
    this.#channelIsBehind = true;
    this.#acked.forget((id) => this.#holdsOrPassed(id));
  }

  /** Whether an entry that arrives is one that the room has been past: a reading brought it first, or began after it. */
  #isPassed(id: string): boolean {
    return this.#channelIsBehind ? this.#holdsOrPassed(id) : this.#ring.has(id);
  }

  /**
   * Whether the room holds an entry or, in a stream that is whole, has been past it. Ids are compared only below what is held: a stream that
   * lost its newest entries and gives out lower ids is seen by entries that arrive, and by the audit.
   */
  #holdsOrPassed(id: string): boolean {
    return this.#ring.has(id) || compareIds(id, this.#ring.base) <= 0;
  }

  /** Shows what arrived and continues the chain: everything before it has arrived. */
  #showNext(entry: Entry): void {
    this.#channelIsBehind = false;
    this.#show(entry);
  }

  #show(entry: Entry): void {
    // It may have come by a reading of the log: nobody need look for it again.
    this.#acked.arrived(entry.id);
    this.#ring.add(entry);
    this.#outbox.push(entry);
  }

  #hold(entry: Entry): void {
    this.#held.add(entry);
    if (this.#state === "live") void this.suspect("the message before this one is not here");
  }

  /** Continues the chain with what was held; what does not fit is a reason to read again. */
  #release(): void {
    const { entries, isOverflowed } = this.#held.takeAll();
    for (const entry of entries) {
      // The first that does not fit begins a reading, which brings what is after it too.
      if (this.#state === "live" && entry.prev === this.#ring.head) this.#showNext(entry);
      else if (!this.#isPassed(entry.id)) this.#hold(entry);
    }
    if (isOverflowed) void this.suspect("more arrived than could be held");
  }

  /** Fulfils when the room is live; rejects when it cannot be. */
  async #settled(): Promise<void> {
    while (this.#state !== "live") {
      if (this.#state === "closed" || this.#state === "stale")
        throw new StoreUnavailable("the room is not live");
      await this.#reading.ended;
    }
  }

  #page(read: () => Promise<Page | undefined>): Promise<HistoryPage> {
    return withTimeout(STORE_WAIT_MS, this.#settled().then(read).then(pageOf));
  }

  async #admit(
    member: Member,
    cursor: Cursor,
    space: AnswerSpace,
    wait: { readonly over: boolean },
  ): Promise<void> {
    let wanted = cursor;
    let wasBehind = false;
    while (!wait.over) {
      await this.#settled();
      const fetched = await this.#history.fetch(wanted);
      if (wait.over) return;
      // The store may have gone away while it was read.
      if (this.#state !== "live") continue;
      const view = this.#history.view(wanted, fetched);
      if (view === "ahead") await this.suspect("a client has seen more than this room");
      else if (view === "behind" && wasBehind) await this.suspect("the store ends before this room does");
      else if (view === "behind") wasBehind = true;
      else if (view === "lost") wanted = { after: undefined, limit: cursor.limit };
      else if (view !== "moved") {
        space.take(sizeOf(view.entries));
        this.#letIn(member, view, wanted === cursor);
        return;
      }
    }
  }

  #letIn(member: Member, page: Page, recovered: boolean): void {
    this.#members.set(member.connection.id, member);
    this.#outbox.add(member.connection);
    this.presence.join(member);
    member.joined(this.#snapshot(member, page, recovered));
  }

  #snapshot(member: Member, { entries, more }: Page, recovered: boolean): Snapshot {
    const { count, users, handle } = this.presence.seenBy(member);
    return { recovered, head: this.#ring.head, entries, more, count, users, handle };
  }
}
