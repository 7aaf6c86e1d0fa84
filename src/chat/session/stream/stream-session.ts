import { CLOSE, type ServerFrame, type StatusFrame } from "../../../protocol.ts";
import type { Connection } from "../../connection.ts";
import type { AnswerBudget } from "../../limits/answer-budget.ts";
import { isTemporary } from "../../room/rooms.ts";
import type { Services } from "../chat-context.ts";
import type { Session } from "../session.ts";
import { TokenClock } from "../token-clock.ts";
import { StreamPlace, type StreamVisitor } from "./stream-subscription.ts";

/** The pause before another try to enter, where the log is live and did not answer in time, ms. */
const ENTER_AGAIN_MS = 1_000;

/** One connection that only reads: it is in its rooms from the start, as a socket would be that never speaks. */
export class StreamSession implements Session {
  readonly connection: Connection;
  readonly siteKey: string | undefined;
  readonly #services: Services;
  readonly #answers: AnswerBudget;
  readonly #places: readonly StreamPlace[];
  readonly #tokenClock: TokenClock;
  #closed = false;
  #logLive = true;
  #again: NodeJS.Timeout | undefined;

  constructor(services: Services, connection: Connection, visitor: StreamVisitor) {
    const { endsAt, visits } = visitor;
    this.#services = services;
    this.connection = connection;
    this.siteKey = visitor.siteKey;
    this.#answers = services.answers.of(connection);
    this.#places = visits.map(
      (visit) => new StreamPlace(services, connection, this.#answers, visitor, visit),
    );
    this.#tokenClock = new TokenClock(connection);
    this.#tokenClock.set(endsAt);
  }

  /** It asks for nothing. */
  get busy(): boolean {
    return false;
  }

  /** Enters the rooms, now or as soon as the log is there. */
  open(): void {
    this.#services.newcomer(this);
    this.#enterAll();
  }

  received(): void {}

  send(frame: ServerFrame): void {
    this.connection.write(this.connection.codec.frame(frame));
  }

  statusChanged(status: StatusFrame): void {
    this.send(status);
    this.#logLive = status.live;
    if (status.live) this.#enterAll();
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#tokenClock.stop();
    this.#answers.close();
    for (const place of this.#places) place.leave();
  }

  #enterAll(): void {
    for (const place of this.#places) void this.#enter(place);
  }

  async #enter(place: StreamPlace): Promise<void> {
    try {
      await place.enter();
    } catch (error) {
      if (!isTemporary(error)) this.#fail(error);
      // Where it has been told that the log is away, it enters when that changes.
      else if (this.#logLive) this.#enterLater();
    }
  }

  /** A stream cannot ask again. */
  #enterLater(): void {
    clearTimeout(this.#again);
    if (!this.#closed) this.#again = setTimeout(() => this.#enterAll(), ENTER_AGAIN_MS);
  }

  #fail(error: unknown): void {
    const fields = { event: "request-failed", connection: this.connection.id, err: error };
    this.#services.logger.error(fields, "entering a room failed");
    this.connection.close(CLOSE.serverFault, "the server failed");
  }
}
