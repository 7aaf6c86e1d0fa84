import { timeOf } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Idleness } from "../quotas.ts";

/**
 * Keys per generation; two generations are kept, so that at least the last 128 keys are always remembered.
 */
const KEYS_PER_GENERATION = 128;
/** Bytes that Node uses per sender, and per key besides its letters and its id, as measured. */
const SENDER_BYTES = 600;
const KEY_BYTES = 120;

/**
 * What is remembered of one user in one room: the keys of their last messages, and the used part of their
 * rate. The Redis store keeps the same in two hashes.
 */
export class SenderMemory {
  /** Milliseconds that a message costs; 0 = no limit. */
  readonly #interval: number;
  /** The burst, in milliseconds of credit. */
  readonly #credit: number;
  #younger = new Map<string, string>();
  #older = new Map<string, string>();
  /** Time at which the credit is full again: the whole token bucket in one number (GCRA). */
  #fullAt = 0;
  #lastAt = 0;
  /** Time at which the first message was stored; 0 if none was. */
  #firstAt = 0;
  #keyBytes = 0;
  #olderBytes = 0;

  /**
   * @param messagesPerSecond 0 = no limit.
   * @param firstBurst the part of `messageBurst` that is available at the beginning, `now`.
   */
  constructor(messagesPerSecond: number, messageBurst: number, firstBurst: number, now: number) {
    this.#interval = messagesPerSecond > 0 ? 1_000 / messagesPerSecond : 0;
    this.#credit = this.#interval * Math.max(1, messageBurst);
    this.#fullAt = now + Math.max(0, this.#credit - this.#interval * firstBurst);
  }

  /** Returns the id with which this key was stored; undefined if it was not, or 10 minutes ago. */
  idOf(key: string, now: number): string | undefined {
    const id = this.#younger.get(key) ?? this.#older.get(key);
    return id !== undefined && timeOf(id) > now - LIMITS.keyMs ? id : undefined;
  }

  /** Returns the milliseconds until one more message is allowed; 0 = now. Changes nothing. */
  waitMs(now: number): number {
    return Math.max(0, Math.ceil(this.#nextFullAt(now) - this.#credit - now));
  }

  /** Counts a stored message, and remembers its key. */
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

  /** Approximate bytes of memory. */
  get bytes(): number {
    return SENDER_BYTES + this.#keyBytes + this.#olderBytes;
  }

  /** Returns whether the sender began within `standingMs` and has written nothing for `idleMs`. */
  isPassing(now: number, { idleMs, standingMs }: Idleness): boolean {
    return this.#lastAt < now - idleMs && this.#firstAt > now - standingMs;
  }

  /** Returns whether nothing here can affect a later message. */
  isOver(now: number): boolean {
    return this.#nextFullAt(now) === now + this.#interval && now >= this.#lastAt + LIMITS.keyMs;
  }

  #nextFullAt(now: number): number {
    // More than the whole credit (plus an interval, for rounding) can only be missing because the clock was
    // set back. The credit then starts anew; else the sender could be refused for as long as the clock was
    // set back.
    const fullAt = this.#fullAt > now + this.#credit + this.#interval ? now : Math.max(this.#fullAt, now);
    return fullAt + this.#interval;
  }
}
