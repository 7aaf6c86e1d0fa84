import { CLOSE } from "../../../protocol/codes.ts";
import type { ServerFrame, StatusFrame } from "../../../protocol/frames.ts";
import type { Entry } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import { errorFrame, tooFast } from "../../errors.ts";
import { guestIdentity, type Identity } from "../../identity.ts";
import type { AnswerBudget, AnswerSpace } from "../../limits/answer-budget.ts";
import type { RequestBudget } from "../../limits/request-budget.ts";
import type { Member } from "../../room/member.ts";
import { closeIfTooSlow } from "../../room/outbox.ts";
import type { Room } from "../../room/room.ts";
import { isTemporary } from "../../room/rooms.ts";
import type { Snapshot } from "../../room/snapshot.ts";
import type { ChatContext } from "../chat-context.ts";
import { writeMissed } from "../missed-pages.ts";
import { ErrorReplies, type SocketSession } from "../session.ts";
import { PendingLimit, RequestQueue } from "../v1/request-queue.ts";
import { REQUESTS } from "../v1/requests.ts";
import { readPlainFrame, type Said } from "./plain-frame.ts";

/** What a plain client asked for in its address. */
export interface PlainQuery {
  readonly room: string;
  /** Cursor, for recovery; undefined = the newest. */
  readonly after: string | undefined;
  /** Messages of history. */
  readonly limit: number;
}

/** A pause after which a client whose messages pile up may send the next one, ms. */
const PILED_UP_MS = 1_000;

/** The pause before another try to enter, where the store is live and did not answer in time, ms. */
const ENTER_AGAIN_MS = 1_000;

/**
 * One connection without a subprotocol: it is in one room from the start, sends `{"handle","text"}` or
 * `{"username","text"}`, and gets frames that need no answer. It also is its own place in that room.
 */
export class PlainSession implements SocketSession, Member {
  readonly connection: Connection;
  readonly hasNotices = false;
  readonly requests: RequestBudget;
  readonly #context: ChatContext;
  readonly #room: string;
  readonly #limit: number;
  readonly #errors: ErrorReplies;
  readonly #answers: AnswerBudget;
  readonly #queue = new RequestQueue();
  readonly #pending: PendingLimit;
  /** The last id it has. */
  #after: string | undefined;
  #identity: Identity;
  /** The room, from when it was last entered or tried to be. */
  #here: Room | undefined;
  #inRoom = false;
  #closed = false;
  /** What it was told last of the store. */
  #storeLive = true;
  #again: NodeJS.Timeout | undefined;

  constructor(
    context: ChatContext,
    connection: Connection,
    guest: string,
    { room, after, limit }: PlainQuery,
  ) {
    this.#context = context;
    this.connection = connection;
    this.#room = room;
    this.#after = after;
    this.#limit = limit;
    this.requests = context.requests.of(connection.network);
    this.#pending = new PendingLimit(context.waiting);
    this.#errors = new ErrorReplies(connection, context.counters, this.requests);
    this.#answers = context.answers.of(connection);
    this.#identity = guestIdentity(guest);
  }

  get identity(): Identity {
    return this.#identity;
  }

  get busy(): boolean {
    return !this.#pending.isEmpty;
  }

  /** Enters the room, now or as soon as the store is there. */
  open(): void {
    this.#context.newcomer(this);
    this.#queue.run(() => this.#enter());
  }

  onFrame(text: string | undefined): void {
    if (this.#closed || closeIfTooSlow(this.connection)) return;
    this.requests.spend(REQUESTS.message.cost);
    const said = readPlainFrame(text, this.#context.options.maxTextLength);
    if (!said.ok) this.#errors.send(errorFrame(said.error));
    else if (!this.#pending.take(said.value.text.length)) this.#errors.send(errorFrame(tooFast(PILED_UP_MS)));
    else this.#enqueue(said.value);
  }

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame));
  }

  statusChanged(status: StatusFrame): void {
    this.send(status);
    this.#storeLive = status.live;
    if (status.live && !this.#inRoom) this.#queue.run(() => this.#enter());
  }

  /** It says its wish with each message, or keeps the last one. */
  handleSettled(): void {}

  joined({ recovered, entries, more }: Snapshot): void {
    this.#inRoom = true;
    if (!recovered) this.#tellGap();
    this.#sendEntries(entries);
    // Faster than it could be read, page by page.
    if (recovered && more && this.#after !== undefined) this.#tellGap();
  }

  restarted({ entries }: Snapshot): void {
    this.#tellGap();
    this.#sendEntries(entries);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#answers.close();
    this.requests.close();
    this.#pending.close();
    this.#queue.clear();
    if (this.#here !== undefined) this.#context.rooms.leave(this.#here, this.connection.id);
  }

  async #enter(): Promise<void> {
    if (this.#closed || this.#inRoom) return;
    try {
      await this.#readOn();
      await this.#answers.read(this.#join);
    } catch (error) {
      if (!isTemporary(error)) this.#fail(error);
      // Where it has been told that the store is away, it enters when that changes.
      else if (this.#storeLive) this.#enterLater();
    }
  }

  readonly #join = async (space: AnswerSpace): Promise<void> => {
    if (this.#closed) return;
    const { rooms } = this.#context;
    const room = rooms.open(this.#room, this.connection.network);
    this.#here = room;
    await rooms.join(room, this, { after: this.#after, limit: this.#limit }, space);
    // The client may have gone while the room was being read.
    if (this.#closed) rooms.leave(room, this.connection.id);
  };

  /** Sends all that it missed but the last page, which comes with joining: it cannot ask for pages. */
  async #readOn(): Promise<void> {
    if (this.#after === undefined) return;
    await writeMissed(this.#context.queries, this.#answers, this.#room, this.#after, (entries) => {
      if (this.#closed) return false;
      this.#sendEntries(entries);
      this.#after = entries.at(-1)?.id;
      return true;
    });
  }

  /** A plain client cannot ask again. */
  #enterLater(): void {
    clearTimeout(this.#again);
    if (!this.#closed) this.#again = setTimeout(() => this.#queue.run(() => this.#enter()), ENTER_AGAIN_MS);
  }

  async #say({ handle = this.#identity.handle, text }: Said, arrivedAt: number): Promise<void> {
    const stored = await this.#context.publisher.publish({
      room: this.#room,
      here: this.#here,
      sender: this.#identity,
      handle,
      network: this.connection.network,
      text,
      key: undefined,
      connection: this.connection.id,
      arrivedAt,
    });
    this.#pending.release(text.length);
    if (!stored.ok) this.#errors.send(errorFrame(stored.error));
    // Only after the rate limit: a new name is told to every process.
    else this.#rename(handle, stored.value.handle);
  }

  #enqueue(said: Said): void {
    const arrivedAt = performance.now();
    this.#queue.run(() => this.#say(said, arrivedAt), true);
  }

  /** It wants to be called `wanted`, and the last message has `handle`. */
  #rename(wanted: string, handle: string): void {
    if (wanted !== this.#identity.handle) this.#identity = { ...this.#identity, handle: wanted };
    if (this.#inRoom) this.#here?.presence.onMessageStored(this, handle);
  }

  #tellGap(): void {
    this.send({
      type: "notice",
      room: this.#room,
      text: "Some messages are missing here; the newest ones follow.",
    });
  }

  #sendEntries(entries: readonly Entry[]): void {
    const { codec } = this.connection;
    if (entries.length > 0) this.connection.write(Buffer.concat(entries.map((entry) => codec.entry(entry))));
  }

  #fail(error: unknown): void {
    const fields = { event: "request-failed", connection: this.connection.id, err: error };
    this.#context.logger.error(fields, "entering the room failed");
    this.connection.close(CLOSE.serverFault, "the server failed");
  }
}
