import { CLOSE } from "../../../protocol/codes.ts";
import type { ServerFrame, StatusFrame } from "../../../protocol/frames.ts";
import type { Grant } from "../../../store/access.ts";
import type { Entry } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import { errorFrame, tooFast } from "../../errors.ts";
import type { Identity } from "../../identity.ts";
import type { Account } from "../../limits/accounts.ts";
import type { AnswerBudget, AnswerSpace } from "../../limits/answer-budget.ts";
import type { RequestBudget } from "../../limits/request-budget.ts";
import { ENTER_AGAIN_MS } from "../../limits/time-limit.ts";
import { Forbidden, missingRight } from "../../rights/visitor.ts";
import { type Member, visitorOf } from "../../room/member.ts";
import { closeIfTooSlow } from "../../room/outbox.ts";
import type { Room } from "../../room/room.ts";
import { isTemporary } from "../../room/rooms.ts";
import type { Snapshot } from "../../room/snapshot.ts";
import type { ChatContext } from "../chat-context.ts";
import { writeMissed } from "../missed-pages.ts";
import { ErrorReplies, type SocketSession } from "../session.ts";
import { PENDING_PAUSE_MS, PendingLimit, RequestQueue } from "../v1/request-queue.ts";
import { REQUESTS } from "../v1/requests.ts";
import { type PlainMessage, readPlainFrame } from "./plain-frame.ts";

/** The query string of a plain client. */
export interface PlainQuery {
  readonly room: string;
  /** The last id that the client has; undefined = none: it gets the newest messages. */
  readonly after: string | undefined;
  /** Most messages of history. */
  readonly limit: number;
}

/**
 * A connection without a subprotocol: it joins one room when it is opened, sends `{"handle","text"}` or
 * `{"username","text"}`, and gets frames that need no answer. It also is the member of that room.
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
  readonly #account: Account | undefined;
  /** The last id that the client has. */
  #after: string | undefined;
  #identity: Identity;
  #base: Grant = { right: "none", at: 0 };
  /** The room of the last attempt to enter; undefined before that. */
  #here: Room | undefined;
  #inRoom = false;
  #closed = false;
  /** Whether the store is live, as the client was told last. */
  #storeLive = true;
  #again: NodeJS.Timeout | undefined;

  constructor(
    context: ChatContext,
    connection: Connection,
    identity: Identity,
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
    this.#identity = identity;
    this.#account = context.accounts.connect(identity);
    this.#errors.account = this.#account;
    context.requests.signIn(this.requests, identity);
  }

  get identity(): Identity {
    return this.#identity;
  }

  get busy(): boolean {
    return !this.#pending.isEmpty;
  }

  /** Enters the room, now or as soon as the store is live. */
  open(): void {
    this.#context.sendGreeting(this);
    this.#queue.run(() => this.#enter());
  }

  onFrame(text: string | undefined): void {
    if (this.#closed || closeIfTooSlow(this.connection)) return;
    this.requests.spend(REQUESTS.message.cost);
    const read = readPlainFrame(text, this.#context.options.maxTextLength);
    if (!read.ok) this.#errors.send(errorFrame(read.error));
    else if (!this.#pending.take(read.value.text.length))
      this.#errors.send(errorFrame(tooFast(PENDING_PAUSE_MS)));
    else this.#enqueue(read.value);
  }

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame));
  }

  statusChanged(status: StatusFrame): void {
    this.send(status);
    this.#storeLive = status.live;
    if (status.live && !this.#inRoom) this.#queue.run(() => this.#enter());
  }

  get base(): Grant {
    return this.#base;
  }

  /** Does nothing: the client sends the handle it wants with each message, or keeps the last one. */
  handleSettled(): void {}

  joined({ recovered, entries, more }: Snapshot): void {
    this.#inRoom = true;
    if (!recovered) this.#tellGap();
    this.#sendEntries(entries);
    // Messages came faster than pages could be read.
    if (recovered && more && this.#after !== undefined) this.#tellGap();
  }

  restarted({ entries }: Snapshot): void {
    this.#tellGap();
    this.#sendEntries(entries);
  }

  /** Does nothing: a message that is not allowed is answered with an error. */
  rightChanged(): void {}

  expelled(sentence: string): void {
    this.#inRoom = false;
    if (this.#here !== undefined) this.#context.rooms.leave(this.#here, this.connection.id);
    this.#shutOut(sentence);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#answers.close();
    this.requests.close();
    this.#pending.close();
    this.#account?.disconnect();
    this.#queue.clear();
    if (this.#here !== undefined) this.#context.rooms.leave(this.#here, this.connection.id);
  }

  async #enter(): Promise<void> {
    if (this.#closed || this.#inRoom) return;
    const found = await this.#context.rights.find(this.#identity, this.#room);
    if (this.#closed) return;
    if (!found.ok) {
      this.#enterLater();
      return;
    }
    this.#base = found.value;
    void found.value.later?.then((base) => base.ok && this.#setBase(base.value));
    try {
      if (this.#base.right === "none") throw new Forbidden(this.#room);
      await this.#readOn();
      await this.#answers.read(this.#join);
    } catch (error) {
      if (error instanceof Forbidden) this.#shutOut(error.message);
      else if (!isTemporary(error)) this.#fail(error);
      // If the store is away, it enters when the store is live again.
      else if (this.#storeLive) this.#enterLater();
    }
  }

  readonly #join = async (space: AnswerSpace): Promise<void> => {
    if (this.#closed) return;
    const { rooms } = this.#context;
    const room = rooms.open(this.#room, { network: this.connection.network, identity: this.#identity });
    this.#here = room;
    await rooms.join(room, this, { after: this.#after, limit: this.#limit }, space);
    // The client may have disconnected while the room was read.
    if (this.#closed) rooms.leave(room, this.connection.id);
  };

  /**
   * Sends all that the client missed except the last page, which is sent when it joins: it cannot ask for
   * pages.
   */
  async #readOn(): Promise<void> {
    if (this.#after === undefined) return;
    await writeMissed(
      this.#context.queries,
      this.#answers,
      this.#room,
      visitorOf(this),
      this.#after,
      (entries) => {
        if (this.#closed) return false;
        this.#sendEntries(entries);
        this.#after = entries.at(-1)?.id;
        return true;
      },
    );
  }

  /** Retries entering, because a plain client cannot send a join. */
  #enterLater(): void {
    clearTimeout(this.#again);
    if (!this.#closed) this.#again = setTimeout(() => this.#queue.run(() => this.#enter()), ENTER_AGAIN_MS);
  }

  async #publish({ handle: wanted, text }: PlainMessage, arrivedAt: number): Promise<void> {
    const { handle: own, hasFixedHandle } = this.#identity;
    const handle = hasFixedHandle ? own : (wanted ?? own);
    const right = this.#here?.rightOf(visitorOf(this)) ?? this.#base.right;
    const forbidden = missingRight(right, "write", this.#room);
    if (forbidden !== undefined) {
      this.#pending.release(text.length);
      this.#errors.send(errorFrame(forbidden));
      return;
    }
    const stored = await this.#context.publisher.publish({
      room: this.#room,
      here: this.#here,
      sender: this.#identity,
      handle,
      base: this.#base.right,
      network: this.connection.network,
      text,
      key: undefined,
      connection: this.connection.id,
      arrivedAt,
    });
    this.#pending.release(text.length);
    if (!stored.ok) this.#errors.send(errorFrame(stored.error));
    // Only after the rate limit: every process is told of a new handle.
    else this.#rename(handle, stored.value.handle);
  }

  #enqueue(message: PlainMessage): void {
    const arrivedAt = performance.now();
    this.#queue.run(() => this.#publish(message, arrivedAt), true);
  }

  /**
   * Takes over the handle that the client wants, and in the room the one that its last message was stored
   * with.
   */
  #rename(wanted: string, handle: string): void {
    if (wanted !== this.#identity.handle) this.#identity = { ...this.#identity, handle: wanted };
    if (this.#inRoom) this.#here?.presence.onMessageStored(this, handle);
  }

  recheck(): void {
    void this.#context.rights.recheck(this.#identity, this.#room).then((base) => this.#setBase(base));
  }

  #setBase(base: Grant): void {
    // The app was asked again meanwhile, and has answered that.
    if (base.at < this.#base.at) return;
    this.#base = base;
    if (this.#inRoom) this.#here?.rightChanged(this);
  }

  /** Closes the connection, because its user may not be in the room. */
  #shutOut(sentence: string): void {
    this.send({ type: "notice", room: this.#room, text: sentence });
    this.connection.close(CLOSE.forbidden, sentence);
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
