import { CLOSE } from "../../../protocol/codes.ts";
import type { ServerFrame, StatusFrame } from "../../../protocol/frames.ts";
import type { Connection } from "../../connection.ts";
import type { Identity } from "../../identity.ts";
import type { Account } from "../../limits/accounts.ts";
import type { AnswerBudget } from "../../limits/answer-budget.ts";
import { ENTER_AGAIN_MS } from "../../limits/time-limit.ts";
import { isTemporary } from "../../room/rooms.ts";
import type { ChatContext } from "../chat-context.ts";
import type { Session } from "../session.ts";
import { TokenClock } from "../token-clock.ts";
import { type StreamRequest, StreamSubscription } from "./stream-subscription.ts";

/** A connection that only reads: it joins its rooms when it is opened, and takes no requests. */
export class StreamSession implements Session {
  readonly connection: Connection;
  readonly identity: Identity;
  readonly hasNotices = true;
  readonly #context: ChatContext;
  readonly #answers: AnswerBudget;
  readonly #account: Account | undefined;
  readonly #subscriptions: readonly StreamSubscription[];
  readonly #tokenClock: TokenClock;
  #closed = false;
  #storeLive = true;
  #again: NodeJS.Timeout | undefined;

  constructor(context: ChatContext, connection: Connection, request: StreamRequest) {
    const { identity, rooms } = request;
    this.#context = context;
    this.connection = connection;
    this.identity = identity;
    this.#answers = context.answers.of(connection);
    this.#account = context.accounts.connect(identity);
    this.#subscriptions = rooms.map(
      (wanted) =>
        new StreamSubscription(context, connection, this.#answers, identity, wanted, () => this.#shutOut()),
    );
    this.#tokenClock = new TokenClock(connection);
    this.#tokenClock.set(identity.expiresAt);
  }

  /** Always false: a stream sends no requests. */
  get busy(): boolean {
    return false;
  }

  /** Enters the rooms, now or as soon as the store is live. */
  open(): void {
    this.#context.sendGreeting(this);
    this.#enterAll();
  }

  onFrame(): void {}

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame));
  }

  statusChanged(status: StatusFrame): void {
    this.send(status);
    this.#storeLive = status.live;
    if (status.live) this.#enterAll();
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#tokenClock.stop();
    this.#answers.close();
    this.#account?.disconnect();
    for (const subscription of this.#subscriptions) subscription.leave();
  }

  #enterAll(): void {
    for (const subscription of this.#subscriptions) void this.#enter(subscription);
  }

  async #enter(subscription: StreamSubscription): Promise<void> {
    try {
      await subscription.enter();
    } catch (error) {
      if (!isTemporary(error)) this.#fail(error);
      // If the store is away, it enters when the store is live again.
      else if (this.#storeLive) this.#enterLater();
    }
  }

  /** Closes the connection when its user may read none of the rooms any more. */
  #shutOut(): void {
    if (this.#subscriptions.every(({ isOver }) => isOver))
      this.connection.close(CLOSE.forbidden, "You may not enter these rooms.");
  }

  /** Retries entering, because a stream cannot send a request. */
  #enterLater(): void {
    clearTimeout(this.#again);
    if (!this.#closed) this.#again = setTimeout(() => this.#enterAll(), ENTER_AGAIN_MS);
  }

  #fail(error: unknown): void {
    const fields = { event: "request-failed", connection: this.connection.id, err: error };
    this.#context.logger.error(fields, "entering a room failed");
    this.connection.close(CLOSE.serverFault, "the server failed");
  }
}
