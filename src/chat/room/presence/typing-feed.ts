import type { TypingFrame } from "../../../protocol/frames.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import { type Counters, countOne } from "../../counters.ts";
import type { EphemeralFrame, Outbox } from "../outbox.ts";
import type { TypingSignal } from "./typing-signals.ts";

/** Time between two batches of a room, ms; the first signal after a quiet time does not wait. */
const BATCH_MS = 1_000;

/** The same where a batch is a write to each of more than `MANY` connections. */
const LARGE_BATCH_MS = 3_000;
const MANY = 200;

/** Users of one batch, and bytes of their frames. A client keeps 20 names, and a page shows three. */
const BATCH_USERS = 20;
const BATCH_BYTES = 4 * 1024;

interface DueSignal extends EphemeralFrame {
  readonly on: boolean;
}

/**
 * Tells the connections of one room who types, in one write per connection and second, whatever arrives from whichever process:
 * the last signal of each user counts, and the end of what nobody was told is not told either.
 */
export class TypingFeed {
  readonly #room: string;
  readonly #outbox: Outbox;
  readonly #counters: Counters;
  /** Signals of the next batch by user, `BATCH_USERS` at most. Emptied by the batch. */
  readonly #due = new Map<string, DueSignal>();
  #dueBytes = 0;
  /** Users who were told to type, and when that lapses. Each batch adds `BATCH_USERS` at most and removes the lapsed ones. */
  readonly #told = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(room: string, outbox: Outbox, counters: Counters) {
    this.#room = room;
    this.#outbox = outbox;
    this.#counters = counters;
  }

  /** A signal was published. It is sent with the next batch, or dropped where that is full. */
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
    for (const [user, lapsesAt] of this.#told) if (lapsesAt <= this.#lastMs) this.#told.delete(user);
    for (const [user, { on }] of due) {
      if (on) this.#told.set(user, this.#lastMs + LIMITS.typingMs);
      else this.#told.delete(user);
    }
    this.#outbox.hint(due.map(([, signal]) => signal));
  };

  #forget(user: string): void {
    this.#dueBytes -= this.#due.get(user)?.payload.length ?? 0;
    this.#due.delete(user);
  }
}
