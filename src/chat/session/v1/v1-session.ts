import { CLOSE, type ErrorCode } from "../../../protocol/codes.ts";
import type { ClientFrame, ServerFrame, StatusFrame } from "../../../protocol/frames.ts";
import { StoreUnavailable } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import { countOne } from "../../counters.ts";
import { errorFrame, STORE_AWAY, tooFast, tooManyAnswers, tooManyRooms } from "../../errors.ts";
import { guestIdentity, type Identity } from "../../identity.ts";
import type { Account } from "../../limits/accounts.ts";
import {
  type AnswerBudget,
  type AnswerSpace,
  TooManyAnswers,
  UNCOUNTED,
} from "../../limits/answer-budget.ts";
import { COST, type RequestBudget } from "../../limits/request-budget.ts";
import type { ErrorReply } from "../../result.ts";
import { Forbidden } from "../../rights/visitor.ts";
import { closeIfTooSlow } from "../../room/outbox.ts";
import type { ChatContext } from "../chat-context.ts";
import { TooManyRooms } from "../opened-rooms.ts";
import type { RoomSubscription } from "../room-subscription.ts";
import { ErrorReplies } from "../session.ts";
import { TokenClock } from "../token-clock.ts";
import type { RequestContext } from "./request-context.ts";
import { PENDING_PAUSE_MS, PendingLimit, RequestQueue } from "./request-queue.ts";
import { type Frames, type RequestName, readRequest, requestType, roomOf } from "./requests.ts";

/** The state of a v1 session: `silent` until its hello was accepted, then `greeted`; `closed` is final. */
type SessionState = "silent" | "greeted" | "closed";

/** One connection that speaks `dynochat.v1`. */
export class V1Session implements RequestContext {
  readonly context: ChatContext;
  readonly connection: Connection;
  readonly hasNotices = true;
  readonly requests: RequestBudget;
  readonly guest: string;
  readonly appUser: Identity | undefined;
  readonly subscriptions = new Map<string, RoomSubscription>();
  readonly joining = new Set<string>();
  readonly #errors: ErrorReplies;
  readonly #answers: AnswerBudget;
  readonly #pending: PendingLimit;
  readonly #greeting = new RequestQueue();
  /** Requests by room, in the order sent; a queue is removed when it is idle. */
  readonly #queues = new Map<string, RequestQueue>();
  #state: SessionState = "silent";
  /** When a request was last rejected because the store did not answer. */
  #unavailableAt = Number.NEGATIVE_INFINITY;
  #identity: Identity;
  #tokenClock: TokenClock | undefined;
  /** Counts the connection for its user, from the first hello on; undefined for a guest. */
  #account: Account | undefined;

  constructor(context: ChatContext, connection: Connection, guest: string, appUser?: Identity) {
    this.context = context;
    this.connection = connection;
    this.guest = guest;
    this.appUser = appUser;
    this.#identity = appUser ?? guestIdentity(guest, "");
    this.#answers = context.answers.of(connection);
    this.requests = context.requests.of(connection.network);
    this.#pending = new PendingLimit(context.waiting);
    this.#errors = new ErrorReplies(connection, context.counters, this.requests);
  }

  get identity(): Identity {
    return this.#identity;
  }

  get greeted(): boolean {
    return this.#state === "greeted";
  }

  get busy(): boolean {
    return !this.#pending.isEmpty;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  onFrame(text: string | undefined): void {
    if (this.#state === "closed" || closeIfTooSlow(this.connection)) return;
    const read = readRequest(text);
    if (!read.ok) {
      this.refuseWith(read.error);
      return;
    }
    const request: Request = { frame: read.value, bytes: text?.length ?? 0, arrivedAt: performance.now() };
    this.requests.spend(requestType(request.frame.type).cost);
    if (!this.#greeting.busy) this.#dispatch(request);
    else this.#enqueue(this.#greeting, request, async () => this.#dispatch(request));
  }

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame), "soon");
  }

  withSpace(
    frame: ClientFrame,
    arrivedAt: number,
    work: (space: AnswerSpace) => Promise<void> | void,
  ): Promise<void> {
    return this.#answers.read(async (space) => {
      // The store may have gone away, or the client, while this waited.
      if (this.isClosed || this.#isLate({ frame, arrivedAt })) return;
      const take = (bytes: number): void => {
        space.take(bytes);
        this.requests.spend(COST.answeredKib * (bytes >> 10));
      };
      await work({ take });
    });
  }

  refuse(code: ErrorCode, message: string, ref?: number): void {
    this.#errors.send(errorFrame({ code, message, ref }));
  }

  refuseWith(error: ErrorReply): void {
    if (error.code === "unavailable") this.#unavailableAt = performance.now();
    this.#errors.send(errorFrame(error));
  }

  refuseUnavailable(ref: number | undefined): void {
    this.refuseWith({ ...STORE_AWAY, ref });
  }

  greet(identity: Identity): void {
    this.#identity = identity;
    if (this.#state === "silent") this.#signIn(identity);
    this.#state = "greeted";
    if (identity.expiresAt !== undefined) this.#tokenClock ??= new TokenClock(this.connection);
    this.#tokenClock?.set(identity.expiresAt);
    void this.#reviewRights();
  }

  entered(subscription: RoomSubscription): void {
    const { name } = subscription.room;
    this.joining.delete(name);
    this.subscriptions.set(name, subscription);
  }

  recheck(subscription: RoomSubscription): void {
    const base = this.context.rights.recheck(this.#identity, subscription.room.name);
    void base.then((now) => subscription.setBase(now));
  }

  expelled({ room }: RoomSubscription, sentence: string): void {
    this.subscriptions.delete(room.name);
    this.context.rooms.leave(room, this.connection.id);
    this.send({ type: "left", room: room.name, reason: sentence });
  }

  statusChanged(status: StatusFrame): void {
    if (this.#state === "greeted") this.send(status);
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#tokenClock?.stop();
    this.#account?.disconnect();
    this.#answers.close();
    this.requests.close();
    this.#pending.close();
    this.#greeting.clear();
    for (const queue of this.#queues.values()) queue.clear();
    for (const { room } of this.subscriptions.values()) this.context.rooms.leave(room, this.connection.id);
    this.subscriptions.clear();
  }

  #signIn(identity: Identity): void {
    this.#account = this.context.accounts.connect(identity);
    this.#errors.account = this.#account;
    this.context.requests.signIn(this.requests, identity);
  }

  /**
   * Finds the user's rights in the joined rooms anew, because another token or the embedding app may say
   * something else, and ends the memberships that they do not allow.
   */
  async #reviewRights(): Promise<void> {
    const found = [...this.subscriptions.values()].map(async (subscription) => {
      const { room } = subscription;
      const base = await this.context.rights.ask(this.#identity, room.name);
      // The client may have left the room meanwhile. Without an answer the right stays what it was.
      if (base.ok && this.subscriptions.get(room.name) === subscription) subscription.setBase(base.value);
    });
    await Promise.all(found);
  }

  #dispatch(request: Request): void {
    if (this.#state === "closed") return;
    const { frame } = request;
    if (this.#state !== "greeted" && frame.type !== "hello") {
      this.refuse("hello-first", "The first frame must be a hello.", refOf(frame));
      return;
    }
    switch (requestType(frame.type).order) {
      case "nothing":
        void this.#handleRequest(request);
        break;
      case "connection":
        this.#enqueue(this.#greeting, request, () => this.#handleRequest(request));
        break;
      default:
        this.#enqueue(this.#queueOf(frame), request, async () => {
          if (!this.#isLate(request)) await this.#handleRequest(request);
        });
    }
  }

  #handle<T extends RequestName>(type: T, frame: Frames[T], arrivedAt: number): Promise<void> | void {
    const { handle, answersWithMessages } = requestType(type);
    if (!answersWithMessages) return handle(this, frame, arrivedAt, UNCOUNTED);
    return this.withSpace(frame, arrivedAt, (space) => handle(this, frame, arrivedAt, space));
  }

  /**
   * Rejects a request that arrived before the last `unavailable` answer: it would wait for the store as long.
   * Returns whether it did.
   */
  #isLate({ frame, arrivedAt }: Pick<Request, "frame" | "arrivedAt">): boolean {
    const late = arrivedAt < this.#unavailableAt;
    if (late) this.refuseUnavailable(refOf(frame));
    return late;
  }

  async #handleRequest({ frame, arrivedAt }: Request): Promise<void> {
    const ref = refOf(frame);
    try {
      await this.#handle(frame.type, frame, arrivedAt);
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        this.refuseUnavailable(ref);
        return;
      }
      if (error instanceof Forbidden) {
        this.refuseWith({ ...error.reply, ref });
        return;
      }
      if (error instanceof TooManyAnswers) {
        countOne(this.context.counters.limited, "answers");
        this.refuseWith(tooManyAnswers(ref));
        return;
      }
      if (error instanceof TooManyRooms) {
        countOne(this.context.counters.limited, error.limit);
        this.refuseWith(tooManyRooms(error.limit, ref));
        return;
      }
      this.context.logger.error(
        { event: "request-failed", connection: this.connection.id, type: frame.type, err: error },
        "a request failed",
      );
      this.connection.close(CLOSE.serverFault, "the server failed");
    }
  }

  #queueOf(frame: ClientFrame): RequestQueue {
    const room = roomOf(frame) ?? "";
    const queue = this.#queues.get(room) ?? new RequestQueue(() => this.#queues.delete(room));
    this.#queues.set(room, queue);
    return queue;
  }

  #enqueue(queue: RequestQueue, { frame, bytes }: Request, task: () => Promise<void>): void {
    if (!this.#pending.take(bytes)) {
      this.refuseWith({ ...tooFast(PENDING_PAUSE_MS), ref: refOf(frame) });
      return;
    }
    const released = async (): Promise<void> => {
      await task();
      this.#pending.release(bytes);
    };
    queue.run(released, requestType(frame.type).order === "room-together");
  }
}

/** A frame that arrived. */
interface Request {
  readonly frame: ClientFrame;
  /** Its size in UTF-16 units: near enough to bytes for the limits of what may wait. */
  readonly bytes: number;
  readonly arrivedAt: number;
}

function refOf(frame: ClientFrame): number | undefined {
  return "ref" in frame ? frame.ref : undefined;
}
