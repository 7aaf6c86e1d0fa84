import type { Entry } from "../log/log.ts";
import { CLOSE, LIMITS } from "../protocol.ts";
import type { Codec, Connection } from "./connection.ts";

/**
 * A room's messages on their way to its connections. The kernel's write is three quarters of a
 * delivery, so what arrives in one turn of the event loop is joined, encoded once a codec, and written
 * once a connection; all queues of slow readers then share those bytes.
 *
 * In a busy room a window joins more: while one flush is less than `windowMs` ago the next waits for the
 * rest of it. The first message after a quiet time never waits. A window of 0 = one write a message.
 */
export class Outbox {
  readonly #windowMs: number;
  readonly #byCodec = new Map<Codec, Set<Connection>>();
  #due: Entry[] = [];
  #lastFlush = Number.NEGATIVE_INFINITY;
  #turn: NodeJS.Immediate | undefined;
  #window: NodeJS.Timeout | undefined;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** From now on `connection` gets what is pushed. What was pushed before is flushed to the others first. */
  add(connection: Connection): void {
    this.flush();
    const group = this.#byCodec.get(connection.codec);
    if (group === undefined) this.#byCodec.set(connection.codec, new Set([connection]));
    else group.add(connection);
  }

  remove(connection: Connection): void {
    const group = this.#byCodec.get(connection.codec);
    group?.delete(connection);
    if (group?.size === 0) this.#byCodec.delete(connection.codec);
  }

  push(entry: Entry): void {
    this.#due.push(entry);
    if (this.#windowMs === 0) this.flush();
    else if (this.#turn === undefined && this.#window === undefined) this.#schedule();
  }

  /** Writes what is due now. */
  readonly flush = (): void => {
    clearImmediate(this.#turn);
    clearTimeout(this.#window);
    this.#turn = undefined;
    this.#window = undefined;
    if (this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    for (const [codec, connections] of this.#byCodec) {
      const batch = joined(codec, due);
      if (batch.length > 0) for (const connection of connections) deliver(connection, batch);
    }
    this.#lastFlush = performance.now();
  };

  /** Sends a hint at once to everyone but `except` who reads fast enough. */
  hint(payload: Buffer, except?: string): void {
    for (const [codec, connections] of this.#byCodec) {
      const bytes = codec.json(payload);
      if (bytes.length === 0) continue;
      for (const connection of connections) {
        if (connection.id !== except && readsHints(connection)) connection.write(bytes);
      }
    }
  }

  /** Drops what is due and every timer. */
  close(): void {
    this.#due = [];
    this.flush();
    this.#byCodec.clear();
  }

  #schedule(): void {
    const rest = this.#lastFlush + this.#windowMs - performance.now();
    if (rest > 0) this.#window = setTimeout(this.flush, rest);
    else this.#turn = setImmediate(this.flush);
  }
}

/** Hints are the first to go: they stop while more than `LIMITS.hintWaterline` bytes wait. */
export function readsHints(connection: Connection): boolean {
  return connection.waiting <= LIMITS.hintWaterline;
}

function joined(codec: Codec, entries: readonly Entry[]): Buffer {
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) return codec.entry(only);
  return Buffer.concat(entries.map((entry) => codec.entry(entry)));
}

/**
 * A reader that let more than `LIMITS.closeWaterline` bytes pile up is given up: it returns and recovers. Looked at before each
 * message and each request, so that nobody can ask for answers without end and read none. True if it is closed.
 */
export function closeIfTooSlow(connection: Connection): boolean {
  if (connection.waiting <= LIMITS.closeWaterline) return false;
  connection.close(CLOSE.tooSlow, "too slow a reader");
  return true;
}

function deliver(connection: Connection, batch: Buffer): void {
  if (!closeIfTooSlow(connection)) connection.write(batch);
}
