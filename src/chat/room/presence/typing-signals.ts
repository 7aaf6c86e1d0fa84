import { LIMITS } from "../../../protocol/limits.ts";

/** What a process publishes when a user types in a room, or has stopped. */
export interface TypingSignal {
  readonly user: string;
  readonly handle: string;
  readonly on: boolean;
  /** The id of the connection that sent it, which is not told; undefined = not known. */
  readonly from: string | undefined;
}

/** Least time between two beginnings of one user, ms. */
const BEGIN_AGAIN_MS = 1_000;

/**
 * Least time between two signals of one user who keeps typing, ms: a third of the time after which receivers
 * let a signal expire.
 */
const KEEP_ALIVE_MS = LIMITS.typingMs / 3;

interface Published {
  readonly on: boolean;
  /** When the last beginning was published, as performance.now() tells it. */
  readonly begunAt: number;
}

/**
 * Throttles the signals of the users of this process: publishes changes, and what keeps a signal from
 * expiring. A client may send a signal with each key press, and each that is published costs a write per
 * member.
 */
export class TypingSignals {
  /** The last published signal, by user. Emptied by `forget`. */
  readonly #published = new Map<string, Published>();

  /** Returns whether a signal is to be published, and notes it as published if so. */
  take(user: string, on: boolean, now: number = performance.now()): boolean {
    const last = this.#published.get(user);
    const pauseMs = last?.on === true ? KEEP_ALIVE_MS : BEGIN_AGAIN_MS;
    const mayPublish = on ? last === undefined || now - last.begunAt >= pauseMs : last?.on === true;
    if (mayPublish) this.#published.set(user, { on, begunAt: on || last === undefined ? now : last.begunAt });
    return mayPublish;
  }

  /** Forgets a user who has left the room on this process. */
  forget(user: string): void {
    this.#published.delete(user);
  }

  clear(): void {
    this.#published.clear();
  }
}
