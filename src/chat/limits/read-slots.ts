import { StoreUnavailable } from "../../store/store.ts";
import { STORE_WAIT_MS } from "./time-limit.ts";

/** Most reads for clients that a process has under way; each returns up to 256 KiB. */
const READS = 64;

/** A read that waits for a slot. */
interface Waiting {
  readonly since: number;
  readonly start: () => void;
  readonly reject: (error: StoreUnavailable) => void;
}

/**
 * Bounds the reads of entries that a process has under way, so that neither it nor the store holds more of
 * their results at a time.
 */
export class ReadSlots {
  readonly #limit: number;
  /** The longest waiting first. */
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  constructor(limit: number = READS) {
    this.#limit = limit;
  }

  /**
   * Runs a read in a free slot. Rejects with StoreUnavailable if it got none within `STORE_WAIT_MS`, because
   * the client has got that error by then; else as the read does.
   */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limit) this.#taken += 1;
    else await this.#slot();
    try {
      return await read();
    } finally {
      this.#passOn();
    }
  }

  #slot(): Promise<void> {
    return new Promise((start, reject) => this.#waiting.push({ since: performance.now(), start, reject }));
  }

  /** Passes the slot to the next read that still waits. */
  #passOn(): void {
    const now = performance.now();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (now - next.since < STORE_WAIT_MS) {
        next.start();
        return;
      }
      next.reject(new StoreUnavailable("no answer in time"));
    }
    this.#taken -= 1;
  }
}
