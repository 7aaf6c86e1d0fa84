import { timeOf } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Idleness } from "../guest-quotas.ts";

/** Keys of one generation; two are kept, so at least the last 128 are always remembered. */
const KEYS_PER_GENERATION = 128;
/** What Node keeps for one sender and for one key besides its letters and its id, bytes, as measured. */
const SENDER_BYTES = 600;
const KEY_BYTES = 120;

/**
 * What is remembered of one person in one room: the keys of their last messages, and how much of their
 * rate they have used. The Redis store keeps the same in two hashes.
 */
export class SenderMemory {
  /** Milliseconds a message costs; 0 = no limit. */
  readonly #interval: number;
  /** Milliseconds of credit: the burst. */
  readonly #credit: number;
  #younger = new Map<string, string>();
  #older = new Map<string, string>();
  /** When the credit is full again: the whole token bucket in one number (GCRA). */
  #fullAt = 0;
  #lastAt = 0;
  /** When the first message was stored; 0 = none was. */
  #firstAt = 0;
  #keyBytes = 0;
  #olderBytes = 0;

  /**
   * @param messagesPerSecond 0 = no limit.
   * @param firstBurst of `messageBurst`, what may come at once at the beginning, `now`.
   */
  constructor(messagesPerSecond: number, messageBurst: number, firstBurst: number, now: number) {
    this.#interval = messagesPerSecond > 0 ? 1_000 / messagesPerSecond : 0;
    this.#credit = this.#interval * Math.max(1, messageBurst);
    this.#fullAt = now + Math.max(0, this.#credit - this.#interval * firstBurst);
  }

  /** The id that this key was stored with, unless that is 10 minutes ago. */
  idOf(key: string, now: number): string | undefined {
    const id = this.#younger.get(key) ?? this.#older.get(key);
    return id !== undefined && timeOf(id) > now - LIMITS.keyMs ? id : undefined;
  }

  /** Milliseconds until one more message is allowed; 0 = now. Changes nothing. */
  waitMs(now: number): number {
    return Math.max(0, Math.ceil(this.#nextFullAt(now) - this.#credit - now));
  }

  /** A message was stored: takes it off the credit and remembers its key. */
  stored(key: string | undefined, id: string, now: number): void {
    this.#fullAt = this.#nextFullAt(now);
    this.#lastAt = now;
    if (this.#firstAt === 0) this.#firstAt = now;
    if (key === undefined) return;
    if (this.#younger.size >= KEYS_PER_GENERATION) {
      this.#older = this.#younger;
      this.#younger = new Map();
      this.#olderBytes = this.#keyBytes;
      this.#keyBytes = 0;
    }
    this.#younger.set(key, id);
    this.#keyBytes += KEY_BYTES + key.length + id.length;
  }

  /** Bytes of memory, roughly. */
  get bytes(): number {
    return SENDER_BYTES + this.#keyBytes + this.#olderBytes;
  }

  /** Whether the sender came within `standingMs` and has written nothing for `idleMs`. */
  isPassing(now: number, { idleMs, standingMs }: Idleness): boolean {
    return this.#lastAt < now - idleMs && this.#firstAt > now - standingMs;
  }

  /** Nothing in here can make a difference any more. */
  isOver(now: number): boolean {
    return this.#nextFullAt(now) === now + this.#interval && now >= this.#lastAt + LIMITS.keyMs;
  }

  #nextFullAt(now: number): number {
    // More than the whole credit (an interval more, for rounding) can only be missing because the clock was set back: a fresh start, since
    // the debt could not be told from a day's silence.
    const fullAt = this.#fullAt > now + this.#credit + this.#interval ? now : Math.max(this.#fullAt, now);
    return fullAt + this.#interval;
  }
}
