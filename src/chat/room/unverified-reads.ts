import { compareIds } from "../../protocol/ids.ts";

/**
 * The pause between two reads of the store for publications that may not be stored, ms: a client of Redis
 * that publishes them without end costs the store ten reads per second per room and process.
 */
const PAUSE_MS = 100;

/**
 * Debounces the reads of a room for publications that may not be stored: one read for all that arrive while a
 * read is due, and at most one read per `PAUSE_MS`.
 */
export class UnverifiedReads {
  readonly #read: () => Promise<void>;
  /** The read that is due. */
  #timer: NodeJS.Timeout | undefined;
  /** When the next read may begin, as performance.now() tells it. */
  #nextAt = 0;

  /** @param read must not reject. */
  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /**
   * Makes a read due, unless one is due or the id is not above the room's newest.
   * @param id the id that the publication claims.
   * @param head the room's newest id.
   */
  add(id: string, head: string): void {
    if (this.#timer !== undefined || compareIds(id, head) <= 0) return;
    const waitMs = this.#nextAt - performance.now();
    this.#timer = setTimeout(() => void this.#read(), Math.max(0, waitMs)).unref();
  }

  /** Notes that a read begins now: publications from now on make another one due. */
  begun(): void {
    this.#timer = undefined;
    this.#nextAt = performance.now() + PAUSE_MS;
  }

  /** Drops the read that is due. */
  clear(): void {
    clearTimeout(this.#timer);
  }
}
