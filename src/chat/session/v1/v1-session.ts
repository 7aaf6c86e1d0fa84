import type { ClientFrame, Person } from "../../../protocol.ts";
import {
  CLOSE,
  type ErrorCode,
  type HelloRequest,
  type ServerFrame,
  type StatusFrame,
} from "../../../protocol.ts";
import { StoreUnavailable } from "../../../store/store.ts";
import type { Connection } from "../../connection.ts";
import { countOne } from "../../counters.ts";
import { errorFrame, tooFast, tooManyAnswers, tooManyRooms } from "../../errors.ts";
import { type AnswerBudget, type AnswerSpace, TooManyAnswers } from "../../limits/answer-budget.ts";
import { COST, FRAME_COST, type RequestBudget } from "../../limits/request-budget.ts";
import type { ErrorReply } from "../../result.ts";
import type { UserKind } from "../../room/member.ts";
import { closeIfTooSlow } from "../../room/outbox.ts";
import type { ChatContext } from "../chat-context.ts";
import { TooManyRooms } from "../opened-rooms.ts";
import { readRequest } from "../read-request.ts";
import type { RoomSubscription } from "../room-subscription.ts";
import { ErrorReplies } from "../session.ts";
import { TokenClock } from "../token-clock.ts";
import { hello } from "./handlers/hello.ts";
import { history } from "./handlers/history.ts";
import { join } from "./handlers/join.ts";
import { leave } from "./handlers/leave.ts";
import { message } from "./handlers/message.ts";
import { typing } from "./handlers/typing.ts";
import type { RequestContext } from "./request-context.ts";
import { PendingLimit, RequestQueue } from "./request-queue.ts";

/**
 * Where a v1 connection stands: `silent` until its hello was accepted, then `greeted`; `closed` is final.
 */
type SessionState = "silent" | "greeted" | "closed";

/** A pause after which a client whose requests pile up may send the next one, ms. */
const PILED_UP_MS = 1_000;

/** One connection that speaks `dynochat.v1`. */
export class V1Session implements RequestContext {
  readonly context: ChatContext;
  readonly connection: Connection;
  readonly requests: RequestBudget;
  readonly guest: string;
  readonly subscriptions = new Map<string, RoomSubscription>();
  readonly joining = new Set<string>();
  readonly #errors: ErrorReplies;
  readonly #answers: AnswerBudget;
  readonly #pending: PendingLimit;
  readonly #greeting = new RequestQueue();
  /** Requests of one room, in the order sent; an idle lane is let go. */
  readonly #queues = new Map<string, RequestQueue>();
  #state: SessionState = "silent";
  /** When a request was last refused because the store did not answer. */
  #unavailableAt = Number.NEGATIVE_INFINITY;
  #person: Person;
  #kind: UserKind = "guest";
  #siteKey: string | undefined;
  #tokenClock: TokenClock | undefined;

  constructor(context: ChatContext, connection: Connection, guest: string) {
    this.context = context;
    this.connection = connection;
    this.guest = guest;
    this.#person = { id: guest, handle: "" };
    this.#answers = context.answers.of(connection);
    this.requests = context.requests.of(connection.network);
    this.#pending = new PendingLimit(context.waiting);
    this.#errors = new ErrorReplies(connection, context.counters, this.requests);
  }

  get person(): Person {
    return this.#person;
  }

  get kind(): UserKind {
    return this.#kind;
  }

  get siteKey(): string | undefined {
    return this.#siteKey;
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
    this.requests.spend(FRAME_COST[request.frame.type]);
    if (!this.#greeting.busy) this.#dispatch(request);
    else this.#enqueue(this.#greeting, request, async () => this.#dispatch(request));
  }

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame), "soon");
  }

  answerIn(room: string, frame: ServerFrame): void {
    const here = this.context.rooms.get(room);
    if (here === undefined) this.send(frame);
    else here.answer(this.connection, this.connection.codec.frame(frame));
  }

  refuse(code: ErrorCode, message: string, ref?: number): void {
    this.#errors.send(errorFrame({ code, message, ref }));
  }

  refuseWith(error: ErrorReply): void {
    if (error.code === "unavailable") this.#unavailableAt = performance.now();
    this.#errors.send(errorFrame(error));
  }

  refuseUnavailable(ref: number): void {
    this.refuseWith({ code: "unavailable", message: "The chat cannot reach its storage; try again.", ref });
  }

  greet(person: Person, kind: UserKind, endsAt: number | undefined, siteKey: string | undefined): void {
    this.#siteKey = siteKey;
    this.#person = person;
    this.#kind = kind;
    this.#state = "greeted";
    if (endsAt !== undefined) this.#tokenClock ??= new TokenClock(this.connection);
    this.#tokenClock?.set(endsAt);
  }

  entered(subscription: RoomSubscription): void {
    this.joining.delete(subscription.room);
    this.subscriptions.set(subscription.room, subscription);
  }

  statusChanged(status: StatusFrame): void {
    if (this.#state === "greeted") this.send(status);
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#tokenClock?.stop();
    this.#answers.close();
    this.requests.close();
    this.#pending.close();
    this.#greeting.clear();
    for (const queue of this.#queues.values()) queue.clear();
    for (const room of this.subscriptions.keys()) this.context.rooms.leave(room, this.connection.id);
    this.subscriptions.clear();
  }

  #dispatch(request: Request): void {
    if (this.#state === "closed") return;
    const { frame } = request;
    if (frame.type === "hello") {
      this.#enqueue(this.#greeting, request, () => this.#carryOut(frame, hello(this, frame)));
    } else if (this.#state !== "greeted") {
      this.refuse("hello-first", "The first frame must be a hello.", "ref" in frame ? frame.ref : undefined);
    } else if (frame.type === "ping") {
      this.send({ type: "pong", ref: frame.ref });
    } else if (frame.type === "typing") {
      typing(this, frame);
    } else if (frame.type !== "pong") {
      this.#enqueue(this.#queueOf(frame.room), request, () => this.#inRoom(frame, request.arrivedAt));
    }
  }

  async #inRoom(frame: RoomRequest, arrivedAt: number): Promise<void> {
    if (this.#isLate(frame, arrivedAt)) return;
    await this.#carryOut(frame, this.#handle(frame, arrivedAt));
  }

  #handle(frame: RoomRequest, arrivedAt: number): Promise<void> {
    switch (frame.type) {
      case "join":
        return this.#answer(frame, arrivedAt, (space) => join(this, frame, space));
      case "leave":
        return leave(this, frame);
      case "message":
        return message(this, frame, arrivedAt);
      case "history":
        return this.#answer(frame, arrivedAt, (space) => history(this, frame, space));
    }
  }

  /** Does what answers with messages, when there is space for them. */
  #answer(frame: RoomRequest, arrivedAt: number, work: (space: AnswerSpace) => Promise<void>): Promise<void> {
    return this.#answers.read(async (space) => {
      // The store may have gone away, or the client, while this waited.
      if (this.isClosed || this.#isLate(frame, arrivedAt)) return;
      const take = (bytes: number): void => {
        space.take(bytes);
        this.requests.spend(COST.answeredKib * (bytes >> 10));
      };
      await work({ take });
    });
  }

  /** Refuses a request that would wait for the store as long as the one before it did. */
  #isLate({ ref }: RoomRequest, arrivedAt: number): boolean {
    const late = arrivedAt < this.#unavailableAt;
    if (late) this.refuseUnavailable(ref);
    return late;
  }

  async #carryOut(frame: RoomRequest | HelloRequest, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        this.refuseUnavailable(frame.ref);
        return;
      }
      if (error instanceof TooManyAnswers) {
        countOne(this.context.counters.limited, "answers");
        this.refuseWith(tooManyAnswers(frame.ref));
        return;
      }
      if (error instanceof TooManyRooms) {
        countOne(this.context.counters.limited, "address-rooms");
        this.refuseWith(tooManyRooms(frame.ref));
        return;
      }
      this.context.logger.error(
        { event: "request-failed", connection: this.connection.id, type: frame.type, err: error },
        "a request failed",
      );
      this.connection.close(CLOSE.serverFault, "the server failed");
    }
  }

  #queueOf(room: string): RequestQueue {
    const queue = this.#queues.get(room) ?? new RequestQueue(() => this.#queues.delete(room));
    this.#queues.set(room, queue);
    return queue;
  }

  #enqueue(queue: RequestQueue, { frame, bytes }: Request, task: () => Promise<void>): void {
    if (!this.#pending.take(bytes)) {
      this.refuseWith({ ...tooFast(PILED_UP_MS), ref: "ref" in frame ? frame.ref : undefined });
      return;
    }
    const released = async (): Promise<void> => {
      await task();
      this.#pending.release(bytes);
    };
    // The store keeps the order of one person's messages, so they need not wait for each other's round trip.
    queue.run(released, frame.type === "message");
  }
}

/** A frame as it came in. */
interface Request {
  readonly frame: ClientFrame;
  /** Its size, UTF-16 units: near enough to bytes for what may wait. */
  readonly bytes: number;
  readonly arrivedAt: number;
}

type RoomRequest = Extract<ClientFrame, { type: "join" | "leave" | "message" | "history" }>;
