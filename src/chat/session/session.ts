import { CLOSE } from "../../protocol/codes.ts";
import type { ErrorFrame, ServerFrame, StatusFrame } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Connection } from "../connection.ts";
import { type Counters, countOne } from "../counters.ts";
import type { Identity } from "../identity.ts";
import { COST, type RequestBudget } from "../limits/request-budget.ts";

/** One client's conversation, whatever protocol it speaks. */
export interface Session {
  readonly connection: Connection;
  /** Who the client is; before it has said so, the guest of its cookie. */
  readonly identity: Identity;
  /** Whether its protocol has notices of the server; otherwise they would stand among the messages. */
  readonly hasNotices: boolean;
  /** Whether something it asked for has not been answered. */
  readonly busy: boolean;
  /** One inward frame; undefined stands for a binary one. Never throws. */
  onFrame(text: string | undefined): void;
  /** The store went away or is back. */
  statusChanged(status: StatusFrame): void;
  /** A frame of the server's own, such as `restart`. */
  send(frame: ServerFrame): void;
  /** The socket is gone. Idempotent. */
  closed(): void;
}

/** The session of a socket: what it asks is limited. */
export interface SocketSession extends Session {
  readonly requests: RequestBudget;
}

/** Refuses what a client may not do, and ends a connection that does not stop. */
export class ErrorReplies {
  readonly #connection: Connection;
  readonly #counters: Counters;
  readonly #requests: RequestBudget;
  // Made when they are needed: most connections violate nothing.
  #bad: ViolationWindow | undefined;
  #fast: ViolationWindow | undefined;

  constructor(connection: Connection, counters: Counters, requests: RequestBudget) {
    this.#requests = requests;
    this.#connection = connection;
    this.#counters = counters;
  }

  /** Tells the client; ends the connection where that was one too many. */
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

  #countFast(stayAwayMs: number): void {
    this.#fast ??= new ViolationWindow(LIMITS.refusals, LIMITS.refusalWindowMs);
    if (this.#fast.add()) this.#connection.close(CLOSE.tooMany, String(Math.max(stayAwayMs, 1_000)));
  }
}

/** Counts the violations of one connection in a sliding window; remembers no more than `limit` of them. */
class ViolationWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #times: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Counts one; returns whether it is the `limit`-th within the window. */
  add(now: number = performance.now()): boolean {
    this.#times = [...this.#times.filter((time) => now - time < this.#windowMs), now].slice(-this.#limit);
    return this.#times.length >= this.#limit;
  }
}
