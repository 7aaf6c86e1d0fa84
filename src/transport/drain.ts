import { setTimeout as sleep } from "node:timers/promises";
import type { Chat } from "../chat/chat.ts";
import type { Session } from "../chat/session/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { CLOSE_TIMEOUT_MS, type ConnectionRegistry } from "./connection-registry.ts";
import { type DrainEvent, type DrainState, nextDrainState } from "./drain-state.ts";

/** Kept free after the last one's time: for its answers, its close frame, and a peer that is silent about it, ms. */
const FAREWELL_MS = CLOSE_TIMEOUT_MS + 1_000;

/** How often it is looked whether all have gone, ms. */
const LOOK_MS = 50;

/**
 * Before the first connection is closed, ms: a router may take a second to learn that no more clients are to be sent here, and
 * the client library opens its next connection a second before this one ends.
 */
const HEADWAY_MS = 2_000;

/** Connections per second that are moved, where the time allows: the processes that take them over hardly notice. */
const MOVES_PER_SECOND = 20;

/** Empties this process: nobody comes in, and those who are here leave one after the other. */
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
   * Tells every client when to reconnect, each another time, serves each until then and closes it with 1012.
   * Fulfils when all are gone; who is not after `shutdownSeconds` is cut off. A second call is the same drain.
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
    logger.info({ event: "drained", cut, ms }, "nobody is here any more");
  }

  async #cut(): Promise<void> {
    this.#step("time-up");
    // Who reads still learns why; the others are not waited for.
    for (const session of this.#chat.sessions()) close(session);
    this.#registry.terminate();
    await this.#emptyBy(performance.now() + FAREWELL_MS);
  }

  async #emptyBy(deadline: number): Promise<void> {
    while (this.#chat.size > 0 && performance.now() < deadline) await sleep(LOOK_MS);
  }

  #step(event: DrainEvent): void {
    this.#state = nextDrainState(this.#state, event);
  }
}

/**
 * Returns when each of `count` connections is closed, ms from now, the earliest first: spread evenly, so that no second brings
 * more reconnects than another. All lie within `usableMs`.
 */
export function drainSchedule(count: number, usableMs: number): readonly number[] {
  const headway = Math.min(HEADWAY_MS, usableMs / 4);
  const spread = Math.min((count / MOVES_PER_SECOND) * 1_000, usableMs - headway);
  return Array.from({ length: count }, (_, index) => Math.round(headway + (spread * (index + 1)) / count));
}

/** Returns how much of the drain's limit is there for moving; the rest is for the answers and the close frame of the last one. Both ms. */
export function usableMs(limitMs: number): number {
  return Math.max(limitMs / 2, limitMs - FAREWELL_MS);
}

/** What was accepted is answered first, for as long as an answer may take. */
async function endSession(session: Session): Promise<void> {
  // Counted in looks: after a process stood still the clock would be over before the answers that wait are read.
  const looks = LIMITS.unavailableMs / LOOK_MS;
  for (let look = 0; session.busy && look < looks; look += 1) await sleep(LOOK_MS);
  close(session);
}

function close(session: Session): void {
  session.connection.close(CLOSE.restarting, "the server is restarting");
}
