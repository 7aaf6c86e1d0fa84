import type { Logger } from "../../logging/logger.ts";
import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import type { AccessChange, AccessRule } from "../../store/access.ts";
import { looksLikeEntry } from "../../store/entry.ts";
import { type Entry, type MessageStore, type RoomSubscriber, StoreUnavailable } from "../../store/store.ts";
import type { Counters } from "../counters.ts";
import type { ReadSlots } from "../limits/read-slots.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import { AckedEntries } from "./acked-entries.ts";
import { readMissed } from "./catch-up.ts";
import { checkedEntry } from "./checked-entry.ts";
import { EntryReader } from "./entry-reader.ts";
import { HeldEntries } from "./held-entries.ts";
import { RING, Ring, type RingBudget } from "./ring.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "./room-state.ts";
import { UnverifiedReads } from "./unverified-reads.ts";

/** What a stream needs. */
export interface StreamDeps {
  readonly store: MessageStore;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly ringBudget: RingBudget;
  readonly reads: ReadSlots;
  readonly globalRules: GlobalRules;
}

/** The room of a stream. Its methods are called on the event loop, and must not throw. */
export interface StreamListener {
  /** Called with each entry in the order of the store, once, after it was added to the ring. */
  onEntry(entry: Entry): void;
  /** Called with what arrived on the room's channel and is no entry, in every state. */
  onEphemeral(payload: Buffer): void;
  /** Called while the stream is opened; rejects if that cannot go on. */
  onOpening(): Promise<void>;
  /** Called with the room's access rules when the ring was filled anew. */
  onRules(rules: readonly AccessRule[]): void;
  /** Called after `onRules` if the store does not continue what the ring had: members must start over. */
  onReset(): void;
}

/** A read of the store under way, which may take several commands. */
interface Reading {
  /** Its identity: a reading that was replaced by a later one must not act on what it read. */
  readonly token: object;
  readonly ended: Promise<void>;
}

/**
 * The stream of one room as a process follows it: what arrives on the room's channel, the newest entries, and
 * the check that nothing is missing. Every entry is passed on in the order of the store, once, and only after
 * it came back from there.
 */
export class RoomStream implements RoomSubscriber {
  readonly room: string;
  readonly entries: EntryReader;
  readonly ring: Ring;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #globalRules: GlobalRules;
  readonly #listener: StreamListener;
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

  /** Begins to open the stream; `listener` is called in a later tick. */
  constructor(room: string, deps: StreamDeps, listener: StreamListener) {
    this.room = room;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#counters = deps.counters;
    this.#globalRules = deps.globalRules;
    this.#listener = listener;
    this.ring = new Ring(deps.ringBudget);
    this.entries = new EntryReader(this.#store, room, deps.reads);
    this.#reading = this.#read((reading) => this.#open(reading));
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Handles what arrived on the room's channel. */
  onPublication(payload: Buffer, access?: AccessChange): void {
    if (!looksLikeEntry(payload)) {
      // In every state: an ephemeral event is published once, and the result of a presence sync may be older.
      this.#listener.onEphemeral(payload);
      return;
    }
    const entry = checkedEntry(this.room, payload, access);
    if (entry === undefined) {
      const fields = { event: "malformed", room: this.room, bytes: payload.length };
      this.#logger.warn(fields, "skipped what is no message");
      return;
    }
    this.#acked.arrived(entry.id);
    if (this.#state === "live" && entry.prev === this.ring.head) this.#broadcastNext(entry);
    else if (!this.#isPassed(entry.id)) this.#hold(entry);
  }

  /**
   * Handles an entry that was published and may not be stored: it is broadcast only once it was read from the
   * store.
   */
  onUnverified(id: string): void {
    this.#unverified.add(id, this.ring.head);
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
    if (this.#state !== "live" || storeHead === this.ring.head || this.ring.has(storeHead)) return;
    // A stream that lost nothing does not end before `head`. What is after it may be more than the room
    // holds: entries arrived while the store answered.
    if (compareIds(storeHead, head) >= 0 && compareIds(storeHead, this.ring.base) <= 0) return;
    void this.suspect("the store's newest entry is not here");
  }

  /** Reads what may be missing, in order, once for all members. Fulfils when that has succeeded or failed. */
  suspect(reason: string, level: "info" | "debug" = "info"): Promise<void> {
    if (this.#state === "live" || this.#state === "stale") {
      this.#step("suspicion");
      this.#counters.catchUps += 1;
      const fields = { event: "catch-up", room: this.room, after: this.ring.head, reason };
      this.#logger[level](fields, "reading the store");
      this.#reading = this.#read((reading) => this.#catchUp(reading));
    }
    return this.#reading.ended;
  }

  /** Stops serving from memory until the store was read again. */
  storeLost(): void {
    this.#step("store-lost");
  }

  /** Fulfils when the stream is live; rejects with StoreUnavailable when it cannot become so. */
  async settled(): Promise<void> {
    while (this.#state !== "live") {
      if (this.#state === "closed" || this.#state === "stale")
        throw new StoreUnavailable("the room is not live");
      await this.#reading.ended;
    }
  }

  /** Ends every timer and drops everything. The stream cannot be used after that. */
  close(): void {
    this.#step("closed");
    this.#unverified.clear();
    this.ring.clear();
    this.#held.clear();
    this.#acked.clear();
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
    await this.#store.subscribe(this.room, this);
    const [read] = await Promise.all([this.entries.first(RING), this.#listener.onOpening()]);
    const rules = await this.#readRules();
    if (!this.#counts(token, "opening")) return;
    this.#replace(read, rules);
    this.#step("opened");
    this.#release();
  }

  async #catchUp(token: object): Promise<void> {
    // What arrived before the read is among what is read, or was never stored.
    const before = this.#held.size;
    const { base } = this.ring;
    const found = await readMissed(this.entries, this.ring.head);
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
      .filter(({ id }) => compareIds(id, base) > 0 && !this.ring.has(id) && !missed.has(id));
    if (unknown.length > 0) {
      const fields = { event: "not-stored", room: this.room, count: unknown.length };
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
    const read = await this.entries.freshNewest(RING);
    const rules = await this.#readRules();
    if (!this.#counts(token, "catching-up")) return;
    const newHead = read.at(-1)?.id ?? BEGINNING;
    const fields = { event: "reset", room: this.room, head: this.ring.head, newHead };
    this.#logger.warn(fields, "the store does not continue here; members start over");
    this.#counters.resets += 1;
    this.#replace(read, rules);
    this.#held.takeFirst(before);
    this.#listener.onReset();
    this.#step("caught-up");
    this.#release();
  }

  /**
   * Reads the room's access rules, and those for all rooms: after the entries, than which they may be later.
   */
  async #readRules(): Promise<readonly AccessRule[]> {
    const [rules] = await Promise.all([this.#store.accessRules(this.room), this.#globalRules.current()]);
    return rules;
  }

  #failed(error: unknown, token: object): void {
    const fields = { event: "log-failed", room: this.room, state: this.#state, err: error };
    if (error instanceof StoreUnavailable) this.#logger.info(fields, "the store did not answer");
    else this.#logger.error(fields, "reading the store failed");
    if (this.#reading.token === token) this.#step("store-lost");
  }

  /** Replaces the ring and the access rules by what was read, the rules after the entries. */
  #replace(read: readonly Entry[], rules: readonly AccessRule[]): void {
    this.ring.replace(read);
    this.#listener.onRules(rules);
    this.#channelIsBehind = true;
    this.#acked.forget((id) => this.#holdsOrPassed(id));
  }

  /**
   * Returns whether an entry that arrives is older than the room's head: a reading brought it first, or began
   * after it.
   */
  #isPassed(id: string): boolean {
    return this.#channelIsBehind ? this.#holdsOrPassed(id) : this.ring.has(id);
  }

  /**
   * Returns whether the room holds an entry or, in a stream that lost nothing, had it before. Ids are
   * compared only below what is held: a stream that lost its newest entries and gives out lower ids is
   * noticed by entries that arrive, and by the audit.
   */
  #holdsOrPassed(id: string): boolean {
    return this.ring.has(id) || compareIds(id, this.ring.base) <= 0;
  }

  /** Broadcasts an entry that arrived and continues the chain: everything before it has arrived. */
  #broadcastNext(entry: Entry): void {
    this.#channelIsBehind = false;
    this.#broadcast(entry);
  }

  #broadcast(entry: Entry): void {
    // It may have come by a reading of the store: it is not awaited any more.
    this.#acked.arrived(entry.id);
    this.ring.add(entry);
    this.#listener.onEntry(entry);
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
      if (this.#state === "live" && entry.prev === this.ring.head) this.#broadcastNext(entry);
      else if (!this.#isPassed(entry.id)) this.#hold(entry);
    }
    if (isOverflowed) void this.suspect("more arrived than could be held");
  }
}
