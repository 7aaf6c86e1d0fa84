import type { TypingFrame } from "../../../protocol/frames.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import { type Counters, countOne } from "../../counters.ts";
import type { EphemeralFrame, Outbox } from "../outbox.ts";
import type { TypingSignal } from "./typing-signals.ts";

/** Least time between two batches of a room, ms; the first signal after a quiet time does not wait. */
const BATCH_MS = 1_000;

/** The same in a room with more than `MANY` connections of this process. */
const LARGE_BATCH_MS = 3_000;
const MANY = 200;

/**
 * Most users of one batch, and most bytes of their frames. A client keeps 20 names, and the page shows three.
 */
const BATCH_USERS = 20;
const BATCH_BYTES = 4 * 1024;

interface DueSignal extends EphemeralFrame {
  readonly on: boolean;
}

/**
 * Tells the connections of one room which users are typing, in one write per connection and second, however
 * many signals arrive: the last signal of each user counts, and the end of typing is sent only if its
 * beginning was.
 */
export class TypingFeed {
  readonly #room: string;
  readonly #outbox: Outbox;
  readonly #counters: Counters;
  /** Signals of the next batch by user, at most `BATCH_USERS`. Emptied by the batch. */
  readonly #due = new Map<string, DueSignal>();
  #dueBytes = 0;
  /**
   * Users whom clients were told to be typing, and when that expires. Each batch adds at most `BATCH_USERS`
   * and removes the expired ones.
   */
  readonly #told = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(room: string, outbox: Outbox, counters: Counters) {
    this.#room = room;
    this.#outbox = outbox;
    this.#counters = counters;
  }

  /** Adds a published signal to the next batch; drops it if the batch is full. */
  add({ user, handle, on, from }: TypingSignal): void {
    this.#forget(user);
    if (!on && !this.#told.has(user)) return;
    const frame: TypingFrame = { type: "typing", room: this.#room, user, handle, on };
    const payload = Buffer.from(JSON.stringify(frame));
    if (this.#due.size >= BATCH_USERS || this.#dueBytes + payload.length > BATCH_BYTES) {
      countOne(this.#counters.limited, "typing");
      return;
    }
    this.#due.set(user, { payload, except: from, on });
    this.#dueBytes += payload.length;
    if (this.#timer !== undefined) return;
    const waitMs = this.#lastMs + this.#pauseMs - performance.now();
    if (waitMs > 0) this.#timer = setTimeout(this.#tell, waitMs);
    else this.#tell();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#due.clear();
    this.#told.clear();
  }

  get #pauseMs(): number {
    return this.#outbox.size > MANY ? LARGE_BATCH_MS : BATCH_MS;
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const due = [...this.#due];
    this.#due.clear();
    this.#dueBytes = 0;
    for (const [user, expiresAt] of this.#told) if (expiresAt <= this.#lastMs) this.#told.delete(user);
    for (const [user, { on }] of due) {
      if (on) this.#told.set(user, this.#lastMs + LIMITS.typingMs);
      else this.#told.delete(user);
    }
    this.#outbox.ephemeral(due.map(([, signal]) => signal));
  };

  #forget(user: string): void {
    this.#dueBytes -= this.#due.get(user)?.payload.length ?? 0;
    this.#due.delete(user);
  }
}
