import { LIMITS } from "../../../protocol/limits.ts";

/** What a process publishes of one user who types in a room, or has stopped. */
export interface TypingSignal {
  readonly user: string;
  readonly handle: string;
  readonly on: boolean;
  /** The connection that sent it, which is not told. */
  readonly from: string | undefined;
}

/** Least time between two beginnings of one user, ms. */
const BEGIN_AGAIN_MS = 1_000;

/** Least time between two signals of one user who goes on typing, ms: a third of the time after which receivers let one lapse. */
const KEEP_ALIVE_MS = LIMITS.typingMs / 3;

interface Published {
  readonly on: boolean;
  /** When the last beginning was published, as performance.now() tells it. */
  readonly begunAt: number;
}

/**
 * Decides which signals of the users of this process are published to a room: the changes, and what keeps a signal from
 * lapsing. A client may send one with each key press, and each that is published costs a write per member.
 */
export class TypingSignals {
  /** The last signal published per user. Emptied by `forget`. */
  readonly #published = new Map<string, Published>();

  /** Returns whether a signal is to be published, and then takes it for published. */
  take(user: string, on: boolean, now: number = performance.now()): boolean {
    const last = this.#published.get(user);
    const pauseMs = last?.on === true ? KEEP_ALIVE_MS : BEGIN_AGAIN_MS;
    const isNews = on ? last === undefined || now - last.begunAt >= pauseMs : last?.on === true;
    if (isNews) this.#published.set(user, { on, begunAt: on || last === undefined ? now : last.begunAt });
    return isNews;
  }

  /** The user is no longer in the room by way of this process. */
  forget(user: string): void {
    this.#published.delete(user);
  }

  clear(): void {
    this.#published.clear();
  }
}
