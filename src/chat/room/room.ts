import { BEGINNING, compareIds } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Right } from "../../protocol/rights.ts";
import type { AccessRule } from "../../store/access.ts";
import type { Entry, MessageStore } from "../../store/store.ts";
import { withTimeout } from "../../store/with-timeout.ts";
import type { Connection } from "../connection.ts";
import { type AnswerSpace, UNCOUNTED } from "../limits/answer-budget.ts";
import { STORE_WAIT_MS } from "../limits/time-limit.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import { Forbidden, type Visitor } from "../rights/visitor.ts";
import { sizeOf } from "./entry-reader.ts";
import { type Cursor, History, type HistoryPage, pageOf } from "./history.ts";
import type { Member } from "./member.ts";
import { closeIfTooSlow, Outbox } from "./outbox.ts";
import { type People, type PresenceDeps, RoomPresence } from "./presence/room-presence.ts";
import { RoomMembers } from "./room-members.ts";
import { RoomStream, type StreamDeps, type StreamListener } from "./room-stream.ts";
import { newest, type Page, type Snapshot } from "./snapshot.ts";

/** Dependencies of every room of a process. */
export interface RoomDeps extends PresenceDeps, StreamDeps {
  /** Window in which a busy room batches messages into one write, ms. */
  readonly batchWindowMs: number;
  /** Whether the rights of users are granted by the embedding app. */
  readonly hasGrants: boolean;
}

/**
 * One room in this process: its members, and its stream. It exists while it has members in this process, and
 * for a short while after. Every entry is broadcast in the order of the store, once, and only after it came
 * back from there.
 */
export class Room implements StreamListener {
  readonly name: string;
  readonly presence: RoomPresence;
  readonly stream: RoomStream;
  readonly #store: MessageStore;
  readonly #globalRules: GlobalRules;
  readonly #outbox: Outbox;
  readonly #history: History;
  readonly #members: RoomMembers;

  constructor(name: string, deps: RoomDeps) {
    this.name = name;
    this.#store = deps.store;
    this.#globalRules = deps.globalRules;
    this.#outbox = new Outbox(deps.batchWindowMs, deps.counters);
    this.#members = new RoomMembers({
      room: name,
      networkDigest: deps.networkDigest,
      globalRules: deps.globalRules,
      now: () => this.#store.now(),
      leave: (connection) => this.leave(connection),
    });
    this.presence = new RoomPresence(name, deps, this.#outbox);
    this.stream = new RoomStream(name, deps, this);
    this.#history = new History(this.stream.entries, this.stream.ring);
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

  /** Any of the members; undefined = there is none. */
  get anyMember(): Member | undefined {
    return this.#members.any;
  }

  /** Ends a connection's membership and returns it; undefined if it has none. */
  leave(connection: string): Member | undefined {
    const member = this.#members.remove(connection);
    if (member === undefined) return undefined;
    this.#outbox.remove(member.connection);
    this.presence.leave(member);
    return member;
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
    await withTimeout(STORE_WAIT_MS, this.stream.settled());
    if (visitor !== undefined) this.#members.mustRead(visitor);
    return this.presence.people();
  }

  /** Sends a member an answer, together with the next messages if they come within a batch window. */
  answer(connection: Connection, bytes: Buffer): void {
    this.#outbox.answer(connection, bytes);
  }

  /** Writes to the members now what is due to them. */
  flush(): void {
    this.#outbox.flush();
  }

  onEntry(entry: Entry): void {
    this.#outbox.push(entry);
    if (entry.access === undefined) return;
    // What was stored before still reaches those whom the change shuts out.
    this.#outbox.flush();
    this.#members.enforce(entry.access, entry.id);
  }

  onEphemeral(payload: Buffer): void {
    this.presence.onPublication(payload);
  }

  onOpening(): Promise<void> {
    return this.presence.sync();
  }

  onRules(rules: readonly AccessRule[]): void {
    this.#outbox.flush();
    this.#members.replaceRules(rules);
    for (const { id, access } of this.stream.ring.entries)
      if (access?.recheck === true) this.#members.noteRecheck(access.subject, id);
  }

  onReset(): void {
    const { ring } = this.stream;
    const page = newest(ring.entries, LIMITS.joinMessages, ring.base !== BEGINNING);
    for (const member of this.#members.review()) {
      if (!closeIfTooSlow(member.connection)) member.restarted(this.#snapshot(member, page, false));
    }
  }

  /** Ends every timer and drops everything. The room cannot be used after that. */
  close(): void {
    this.stream.close();
    this.#outbox.close();
    this.presence.close();
  }

  #page(visitor: Visitor, read: () => Promise<Page | undefined>): Promise<HistoryPage> {
    return withTimeout(STORE_WAIT_MS, this.#readFor(visitor, read));
  }

  /** Reads a page for a user. Rejects with Forbidden if the user may not read it. */
  async #readFor(visitor: Visitor, read: () => Promise<Page | undefined>): Promise<HistoryPage> {
    await this.stream.settled();
    const page = pageOf(await read());
    const last = page.entries.at(-1)?.id ?? BEGINNING;
    // A page from the store may contain entries after one that shuts the user out and has not arrived here.
    const right =
      compareIds(last, this.stream.ring.head) > 0
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
      await this.stream.settled();
      const fetched = await this.#history.fetch(wanted);
      if (wait.over) return;
      // The store may have gone away while it was read.
      if (this.stream.state !== "live") continue;
      const view = this.#history.view(wanted, fetched);
      if (view === "ahead") await this.stream.suspect("a client has seen more than this room");
      else if (view === "behind" && wasBehind)
        await this.stream.suspect("the store ends before this room does");
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
    return { recovered, head: this.stream.ring.head, entries, more, count, users, handle };
  }
}
