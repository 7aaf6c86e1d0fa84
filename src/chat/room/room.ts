import type { Logger } from "../../logging/logger.ts";
import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Right } from "../../protocol/rights.ts";
import type { AccessChange, AccessRule } from "../../store/access.ts";
import { looksLikeEntry } from "../../store/entry.ts";
import { type Entry, type MessageStore, type RoomSubscriber, StoreUnavailable } from "../../store/store.ts";
import { withTimeout } from "../../store/with-timeout.ts";
import type { Connection } from "../connection.ts";
import type { Counters } from "../counters.ts";
import { type AnswerSpace, UNCOUNTED } from "../limits/answer-budget.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import { STORE_WAIT_MS } from "../limits/time-limit.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import { Forbidden, type Visitor } from "../rights/visitor.ts";
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
import { RoomMembers } from "./room-members.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "./room-state.ts";
import { newest, type Page, type Snapshot } from "./snapshot.ts";
import { UnverifiedReads } from "./unverified-reads.ts";

/** Dependencies of every room of a process. */
export interface RoomDeps extends PresenceDeps {
  readonly ringBudget: RingBudget;
  readonly reads: ReadSlots;
  /** Window in which a busy room batches messages into one write, ms. */
  readonly batchWindowMs: number;
  readonly globalRules: GlobalRules;
  /** Whether the rights of users are granted by the embedding app. */
  readonly hasGrants: boolean;
}

/** A read of the store under way, which may take several commands. */
interface Reading {
  /** Its identity: a reading that was replaced by a later one must not act on what it read. */
  readonly token: object;
  readonly ended: Promise<void>;
}

/**
 * One room in this process: its members, its newest entries, and the check that nothing is missing. It exists
 * while it has members in this process, and for a short while after. Every entry is broadcast in the order of
 * the store, once, and only after it came back from there.
 */
export class Room implements RoomSubscriber {
  readonly name: string;
  readonly presence: RoomPresence;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #globalRules: GlobalRules;
  readonly #ring: Ring;
  readonly #outbox: Outbox;
  readonly #entries: EntryReader;
  readonly #history: History;
  readonly #members: RoomMembers;
  #state: RoomState = "opening";
  readonly #held = new HeldEntries();
  /** The newest reading of the store. `ended` fulfils when it has succeeded or failed. */
  #reading: Reading;
  /**
   * Whether entries that a reading brought may still arrive on the channel, which is in order: true until an
   * entry arrives that the room has not read.
   */
  #channelIsBehind = false;
  readonly #acked = new AckedEntries();
  readonly #unverified = new UnverifiedReads(() => this.#readUnverified());

  constructor(name: string, deps: RoomDeps) {
    this.name = name;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#counters = deps.counters;
    this.#globalRules = deps.globalRules;
    this.#ring = new Ring(deps.ringBudget);
    this.#outbox = new Outbox(deps.batchWindowMs, deps.counters);
    this.#entries = new EntryReader(this.#store, name, deps.reads);
    this.#history = new History(this.#entries, this.#ring);
    this.#members = new RoomMembers({
      room: name,
      networkDigest: deps.networkDigest,
      globalRules: deps.globalRules.set,
      now: () => this.#store.now(),
      leave: (connection) => this.leave(connection),
    });
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

  /** Returns a user's right here, as of the room's newest entry. */
  rightOf(visitor: Visitor): Right {
    return this.#members.rightOf(visitor);
  }

  /**
   * Adds a member, or resyncs one. `member.joined` is called in the tick in which the member begins to get
   * what arrives. Rejects with StoreUnavailable after at most `STORE_WAIT_MS`, with Forbidden, and as `space`
   * does if there is none for the messages; the member is then not added.
   */
  async join(member: Member, cursor: Cursor, space = UNCOUNTED): Promise<void> {
    const wait = { over: false };
    try {
      await withTimeout(STORE_WAIT_MS, this.#admit(member, cursor, space, wait));
    } finally {
      wait.over = true;
    }
  }

  /** Remembers what the embedding app granted the members, so that they are let in when they return. */
  renewGrants(): Promise<void> {
    return this.#store.grant(this.name, this.#members.grants);
  }

  /** As `RoomMembers.ruleChanged`, of a rule for all rooms. */
  globalRuleChanged(subject: string): void {
    this.#members.ruleChanged(subject);
  }

  /** As `RoomMembers.rightChanged`. */
  rightChanged(member: Member): void {
    this.#members.rightChanged(member);
  }

  leave(connection: string): void {
    const member = this.#members.remove(connection);
    if (member === undefined) return;
    this.#outbox.remove(member.connection);
    this.presence.leave(member);
  }

  /**
   * Reads the newest entries before an id (undefined = of all). Rejects with StoreUnavailable after at most
   * `STORE_WAIT_MS`, and with Forbidden.
   */
  before(visitor: Visitor, id: string | undefined, limit: number): Promise<HistoryPage> {
    return this.#page(visitor, () => this.#history.before(id, limit));
  }

  /** Reads the oldest entries after an id; otherwise as `before`. */
  after(visitor: Visitor, id: string, limit: number): Promise<HistoryPage> {
    return this.#page(visitor, () => this.#history.after(id, limit));
  }

  /** Returns who is here, over all processes. Rejects as `before`. */
  async people(visitor?: Visitor): Promise<People> {
    await withTimeout(STORE_WAIT_MS, this.#settled());
    if (visitor !== undefined) this.#members.mustRead(visitor);
    return this.presence.people();
  }

  /** Sends a member an answer, together with the next messages if they come within a batch window. */
  answer(connection: Connection, bytes: Buffer): void {
    this.#outbox.answer(connection, bytes);
  }

  /** Handles what arrived on the room's channel. */
  onPublication(payload: Buffer, access?: AccessChange): void {
    if (!looksLikeEntry(payload)) {
      // In every state: an ephemeral event is published once, and the result of a presence sync may be older.
      this.presence.onPublication(payload);
      return;
    }
    const entry = checkedEntry(this.name, payload, access);
    if (entry === undefined) {
      const fields = { event: "malformed", room: this.name, bytes: payload.length };
      this.#logger.warn(fields, "skipped what is no message");
      return;
    }
    this.#acked.arrived(entry.id);
    if (this.#state === "live" && entry.prev === this.#ring.head) this.#broadcastNext(entry);
    else if (!this.#isPassed(entry.id)) this.#hold(entry);
  }

  /**
   * Handles an entry that was published and may not be stored: it is broadcast only once it was read from the
   * store.
   */
  onUnverified(id: string): void {
    this.#unverified.add(id, this.#ring.head);
  }

  /** Notes that an append was acked: its entry must come back on the channel soon. */
  expect(id: string): void {
    if (!this.#holdsOrPassed(id)) this.#acked.expect(id);
  }

  /**
   * Reads the store if an acked entry did not come back, or if the last catch-up failed. To be called
   * regularly.
   */
  review(): void {
    if (this.#state === "live" && this.#acked.isOverdue) {
      this.#acked.clear();
      void this.suspect("an acked message did not come back");
    } else if (this.#state === "stale" && this.#store.status.state === "live") {
      void this.suspect("the last catch-up failed");
    }
  }

  /**
   * Reads the store if its newest id shows that something is missing here.
   * @param storeHead the store's newest id.
   * @param head the room's newest id when the store was asked.
   */
  audit(storeHead: string, head: string): void {
    if (this.#state !== "live" || storeHead === this.#ring.head || this.#ring.has(storeHead)) return;
    // A stream that lost nothing does not end before `head`. What is after it may be more than the room
    // holds: entries arrived while the store answered.
    if (compareIds(storeHead, head) >= 0 && compareIds(storeHead, this.#ring.base) <= 0) return;
    void this.suspect("the store's newest entry is not here");
  }

  /** Reads what may be missing, in order, once for all members. Fulfils when that has succeeded or failed. */
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

  /** Stops serving from memory until the store was read again. */
  storeLost(): void {
    this.#step("store-lost");
  }

  /** Writes to the members now what is due to them. */
  flush(): void {
    this.#outbox.flush();
  }

  /** Ends every timer and drops everything. The room cannot be used after that. */
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
    // If the store is away, everything is read when it is back. The store's own log line is throttled, this
    // one is not: hence `debug`.
    if (this.#state === "live") await this.suspect("something was published that may not be stored", "debug");
  }

  #step(event: RoomEvent): void {
    this.#state = nextRoomState(this.#state, event);
  }

  /** Begins a reading of the store. An earlier one that is still under way no longer counts. */
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
    const rules = await this.#readRules();
    if (!this.#counts(token, "opening")) return;
    this.#replace(read, rules);
    this.#step("opened");
    this.#release();
  }

  async #catchUp(token: object): Promise<void> {
    // What arrived before the read is among what is read, or was never stored.
    const before = this.#held.size;
    const { base } = this.#ring;
    const found = await readMissed(this.#entries, this.#ring.head);
    await this.#globalRules.current();
    if (!this.#counts(token, "catching-up")) return;
    if (found.lost || found.missed.length > 0) this.#counters.holes += 1;
    if (found.lost) {
      await this.#startOver(token);
      return;
    }
    this.#counters.recovered += found.missed.length;
    if (found.missed.length > 0) this.#channelIsBehind = true;
    for (const entry of found.missed) this.#broadcast(entry);
    const missed = new Set(found.missed.map(({ id }) => id));
    // The store continues what the room has: an entry whose id is not above `base` is either before it in the
    // store, or not stored.
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

  /**
   * Restarts all members at the store's newest entries, because the store does not continue what they have.
   */
  async #startOver(token: object): Promise<void> {
    // What arrives from now on may be after what is read.
    const before = this.#held.size;
    const read = await this.#entries.freshNewest(RING);
    const rules = await this.#readRules();
    if (!this.#counts(token, "catching-up")) return;
    const newHead = read.at(-1)?.id ?? BEGINNING;
    const fields = { event: "reset", room: this.name, head: this.#ring.head, newHead };
    this.#logger.warn(fields, "the store does not continue here; members start over");
    this.#counters.resets += 1;
    this.#outbox.flush();
    this.#replace(read, rules);
    this.#held.takeFirst(before);
    const page = newest(this.#ring.entries, LIMITS.joinMessages, this.#ring.base !== BEGINNING);
    for (const member of this.#members.review()) {
      if (!closeIfTooSlow(member.connection)) member.restarted(this.#snapshot(member, page, false));
    }
    this.#step("caught-up");
    this.#release();
  }

  /** Reads the room's access rules, and those for all rooms: after the entries, than which they may be later. */
  async #readRules(): Promise<readonly AccessRule[]> {
    const [rules] = await Promise.all([this.#store.accessRules(this.name), this.#globalRules.current()]);
    return rules;
  }

  #failed(error: unknown, token: object): void {
    const fields = { event: "log-failed", room: this.name, state: this.#state, err: error };
    if (error instanceof StoreUnavailable) this.#logger.info(fields, "the store did not answer");
    else this.#logger.error(fields, "reading the store failed");
    if (this.#reading.token === token) this.#step("store-lost");
  }

  /** Replaces the ring and the access rules by what was read, the rules after the entries. */
  #replace(read: readonly Entry[], rules: readonly AccessRule[]): void {
    this.#ring.replace(read);
    this.#members.replaceRules(rules);
    this.#channelIsBehind = true;
    this.#acked.forget((id) => this.#holdsOrPassed(id));
  }

  /**
   * Returns whether an entry that arrives is older than the room's head: a reading brought it first, or began
   * after it.
   */
  #isPassed(id: string): boolean {
    return this.#channelIsBehind ? this.#holdsOrPassed(id) : this.#ring.has(id);
  }

  /**
   * Returns whether the room holds an entry or, in a stream that lost nothing, had it before. Ids are
   * compared only below what is held: a stream that lost its newest entries and gives out lower ids is
   * noticed by entries that arrive, and by the audit.
   */
  #holdsOrPassed(id: string): boolean {
    return this.#ring.has(id) || compareIds(id, this.#ring.base) <= 0;
  }

  /** Broadcasts an entry that arrived and continues the chain: everything before it has arrived. */
  #broadcastNext(entry: Entry): void {
    this.#channelIsBehind = false;
    this.#broadcast(entry);
  }

  #broadcast(entry: Entry): void {
    // It may have come by a reading of the store: it is not awaited any more.
    this.#acked.arrived(entry.id);
    this.#ring.add(entry);
    this.#outbox.push(entry);
    if (entry.access === undefined) return;
    // What was stored before still reaches those whom the change shuts out.
    this.#outbox.flush();
    this.#members.enforce(entry.access, entry.id);
  }

  #hold(entry: Entry): void {
    this.#held.add(entry);
    if (this.#state === "live") void this.suspect("the message before this one is not here");
  }

  /** Continues the chain with the held entries; reads again if one does not fit. */
  #release(): void {
    const { entries, isOverflowed } = this.#held.takeAll();
    for (const entry of entries) {
      // The first that does not fit begins a reading, which also brings what is after it.
      if (this.#state === "live" && entry.prev === this.#ring.head) this.#broadcastNext(entry);
      else if (!this.#isPassed(entry.id)) this.#hold(entry);
    }
    if (isOverflowed) void this.suspect("more arrived than could be held");
  }

  /** Fulfils when the room is live; rejects with StoreUnavailable when it cannot become so. */
  async #settled(): Promise<void> {
    while (this.#state !== "live") {
      if (this.#state === "closed" || this.#state === "stale")
        throw new StoreUnavailable("the room is not live");
      await this.#reading.ended;
    }
  }

  #page(visitor: Visitor, read: () => Promise<Page | undefined>): Promise<HistoryPage> {
    return withTimeout(STORE_WAIT_MS, this.#readFor(visitor, read));
  }

  /** Reads a page for a user. Rejects with Forbidden if the user may not read it. */
  async #readFor(visitor: Visitor, read: () => Promise<Page | undefined>): Promise<HistoryPage> {
    await this.#settled();
    const page = pageOf(await read());
    const last = page.entries.at(-1)?.id ?? BEGINNING;
    // A page from the store may contain entries after one that shuts the user out and has not arrived here.
    const right =
      compareIds(last, this.#ring.head) > 0
        ? await this.#globalRules.rightInStore(this.name, visitor)
        : this.rightOf(visitor);
    if (right === "none") throw new Forbidden(this.name);
    return page;
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
        this.#addMember(member, view, wanted === cursor);
        return;
      }
    }
  }

  #addMember(member: Member, page: Page, recovered: boolean): void {
    this.#members.add(member);
    this.#outbox.add(member.connection);
    this.presence.join(member);
    member.joined(this.#snapshot(member, page, recovered));
  }

  #snapshot(member: Member, { entries, more }: Page, recovered: boolean): Snapshot {
    const { count, users, handle } = this.presence.presenceFor(member);
    return { recovered, head: this.#ring.head, entries, more, count, users, handle };
  }
}
