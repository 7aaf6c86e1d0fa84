import { setTimeout as sleep } from "node:timers/promises";
import type { Chat } from "../chat/chat.ts";
import type { Session } from "../chat/session/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { CLOSE_TIMEOUT_MS, type ConnectionRegistry } from "./connection-registry.ts";
import { type DrainEvent, type DrainState, nextDrainState } from "./drain-state.ts";

/**
 * Reserved after the last scheduled close, ms: for answers that are due, the close frame, and a peer that
 * does not answer it.
 */
const LAST_CLOSE_MS = CLOSE_TIMEOUT_MS + 1_000;

/** How often it is checked whether all connections are closed, ms. */
const POLL_MS = 50;

/**
 * Time before the first connection is closed, ms: a router may take a second to notice that this process
 * accepts no more clients, and the client library opens its next connection a second before this one ends.
 */
const HEADWAY_MS = 2_000;

/**
 * Connections that are moved per second, if the time allows: a small load for the processes that take them
 * over.
 */
const MOVES_PER_SECOND = 20;

/**
 * Drains this process (graceful shutdown): rejects new connections, and closes the open ones one after the
 * other.
 */
export class Drain {
  readonly #chat: Chat;
  readonly #registry: ConnectionRegistry;
  readonly #limitMs: number;
  #state: DrainState = "open";
  #ended: Promise<void> | undefined;

  constructor(chat: Chat, registry: ConnectionRegistry, shutdownSeconds: number) {
    this.#chat = chat;
    this.#registry = registry;
    this.#limitMs = shutdownSeconds * 1000;
  }

  get begun(): boolean {
    return this.#state !== "open";
  }

  get state(): DrainState {
    return this.#state;
  }

  /**
   * Tells every client when to reconnect, each at another time, serves it until then and closes its
   * connection with 1012. Fulfils when all are closed; after `shutdownSeconds` the rest are terminated. A
   * second call returns the same promise.
   */
  begin(): Promise<void> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const started = performance.now();
    this.#step("begun");
    this.#chat.counters.drains += 1;
    const sessions = [...this.#chat.sessions()];
    const times = drainSchedule(sessions.length, usableMs(this.#limitMs));
    const { logger } = this.#chat;
    logger.info(
      { event: "drain", sockets: sessions.length, lastMs: times.at(-1) ?? 0 },
      "moving everybody away",
    );
    for (const [index, session] of sessions.entries()) {
      const reconnectInMs = times[index] ?? 0;
      session.send({ type: "restart", reconnectInMs });
      setTimeout(() => void endSession(session), reconnectInMs);
    }
    await this.#emptyBy(started + this.#limitMs);
    const cut = this.#chat.size;
    if (cut > 0) await this.#cut();
    this.#step("empty");
    const ms = Math.round(performance.now() - started);
    logger.info({ event: "drained", cut, ms }, "drain complete");
  }

  async #cut(): Promise<void> {
    this.#step("time-up");
    // A client that still reads learns the reason; the others are not waited for.
    for (const session of this.#chat.sessions()) close(session);
    this.#registry.terminate();
    await this.#emptyBy(performance.now() + LAST_CLOSE_MS);
  }

  async #emptyBy(deadline: number): Promise<void> {
    while (this.#chat.size > 0 && performance.now() < deadline) await sleep(POLL_MS);
  }

  #step(event: DrainEvent): void {
    this.#state = nextDrainState(this.#state, event);
  }
}

/**
 * Returns when each of `count` connections is closed, ms from now, the earliest first: spread evenly, so that
 * no second has more reconnects than another. All are within `usableMs`.
 */
export function drainSchedule(count: number, usableMs: number): readonly number[] {
  const headway = Math.min(HEADWAY_MS, usableMs / 4);
  const spread = Math.min((count / MOVES_PER_SECOND) * 1_000, usableMs - headway);
  return Array.from({ length: count }, (_, index) => Math.round(headway + (spread * (index + 1)) / count));
}

/**
 * Returns how much of the drain's time limit is used for moving connections, ms; the rest is for the answers
 * and the close frame of the last one.
 */
export function usableMs(limitMs: number): number {
  return Math.max(limitMs / 2, limitMs - LAST_CLOSE_MS);
}

/** Closes a session after its accepted requests are answered; waits for as long as an answer may take. */
async function endSession(session: Session): Promise<void> {
  // Counted in polls, not by the clock: if the process was suspended, the time would be over before waiting
  // answers are read.
  const polls = LIMITS.unavailableMs / POLL_MS;
  for (let poll = 0; session.busy && poll < polls; poll += 1) await sleep(POLL_MS);
  close(session);
}

function close(session: Session): void {
  session.connection.close(CLOSE.restarting, "the server is restarting");
}
