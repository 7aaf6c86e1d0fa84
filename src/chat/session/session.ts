import { CLOSE } from "../../protocol/codes.ts";
import type { ErrorFrame, ServerFrame, StatusFrame } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Connection } from "../connection.ts";
import { type Counters, countOne } from "../counters.ts";
import type { Identity } from "../identity.ts";
import type { Account } from "../limits/accounts.ts";
import { COST, type RequestBudget } from "../limits/request-budget.ts";
import { ViolationWindow } from "../limits/violation-window.ts";

/** The session of one client, in any protocol. */
export interface Session {
  readonly connection: Connection;
  /** The client's identity; before it has identified, the app's user or the guest of its cookie. */
  readonly identity: Identity;
  /** Whether its protocol has notices of the server; without, they would appear among the messages. */
  readonly hasNotices: boolean;
  /** Whether a request is not answered yet. */
  readonly busy: boolean;
  /** Handles a frame of the client; undefined = a binary one. Never throws. */
  onFrame(text: string | undefined): void;
  /** Handles a change of the store's state: it went away or is back. */
  statusChanged(status: StatusFrame): void;
  /** Sends a frame that the server made, such as `restart`. */
  send(frame: ServerFrame): void;
  /** Ends the session, because the connection is gone. Idempotent. */
  closed(): void;
}

/** The session of a socket, whose requests are limited. */
export interface SocketSession extends Session {
  readonly requests: RequestBudget;
}

/** Sends the error answers of a session, and closes the connection after too many of them. */
export class ErrorReplies {
  /** The user of the connection, over whose connections refusals are counted; undefined = a guest. */
  account: Account | undefined;
  readonly #connection: Connection;
  readonly #counters: Counters;
  readonly #requests: RequestBudget;
  // Created when needed: most connections violate nothing.
  #bad: ViolationWindow | undefined;
  #fast: ViolationWindow | undefined;
  /** Whether the connection was closed because of them. */
  #isOver = false;

  constructor(connection: Connection, counters: Counters, requests: RequestBudget) {
    this.#requests = requests;
    this.#connection = connection;
    this.#counters = counters;
  }

  /** Sends an error; closes the connection if it was one too many. */
  send(error: ErrorFrame): void {
    countOne(this.#counters.errors, error.code);
    this.#requests.spend(COST.refusal);
    this.#connection.write(this.#connection.codec.frame(error), "soon");
    if (error.code === "bad-frame" || error.code === "bad-request") this.#countBad();
    else if (error.code === "rate-limited") this.#countFast(error.retryAfterMs ?? LIMITS.refusalWindowMs);
  }

  #countBad(): void {
    this.#bad ??= new ViolationWindow(LIMITS.badFrames, LIMITS.badFrameWindowMs);
    if (this.#bad.add()) this.#connection.close(CLOSE.protocolViolation, "too many bad frames");
  }

  #countFast(retryAfterMs: number): void {
    this.#fast ??= new ViolationWindow(LIMITS.refusals, LIMITS.refusalWindowMs);
    const isOwn = this.#fast.add();
    // Counted too where the connection's own limit is reached: the user's next connection must not begin
    // anew.
    const isOfUser = this.account?.refused() === true;
    if (this.#isOver || !(isOwn || isOfUser)) return;
    this.#isOver = true;
    if (!isOwn) countOne(this.#counters.limited, "user-refusals");
    this.#connection.close(CLOSE.tooMany, String(Math.max(retryAfterMs, 1_000)));
  }
}
