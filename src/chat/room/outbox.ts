import { CLOSE } from "../../protocol/codes.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Entry } from "../../store/store.ts";
import type { Codec, Connection } from "../connection.ts";
import { Counters } from "../counters.ts";

/** An event that is not stored, for all connections of a room but one. */
export interface EphemeralFrame {
  /** JSON text of a v1 frame. */
  readonly payload: Buffer;
  /** The id of the connection that is not told; undefined = all are. */
  readonly except: string | undefined;
}

/**
 * A room's messages on their way to its connections. The kernel's write is three quarters of a
 * delivery, so what arrives in one tick of the event loop is joined, encoded once a codec, and written
 * once a connection; all queues of slow readers then share those bytes.
 *
 * In a busy room a window joins more: while one flush is less than `windowMs` ago the next waits for the
 * rest of it. The first message after a quiet time never waits. A window of 0 = one write per message.
 *
 * An answer to a member waits for the batch, within a window: a write of its own costs as much as the whole batch, and comes
 * between the message it is about and everybody else.
 */
export class Outbox {
  readonly #windowMs: number;
  readonly #counters: Counters;
  readonly #byCodec = new Map<Codec, Set<Connection>>();
  /** Whose answers wait for the next flush. */
  readonly #answered = new Set<Connection>();
  #due: Entry[] = [];
  #lastFlush = Number.NEGATIVE_INFINITY;
  #turn: NodeJS.Immediate | undefined;
  #window: NodeJS.Timeout | undefined;

  constructor(windowMs: number, counters = new Counters()) {
    this.#windowMs = windowMs;
    this.#counters = counters;
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
    if (this.#answered.delete(connection)) connection.release();
  }

  /** Connections. */
  get size(): number {
    let size = 0;
    for (const group of this.#byCodec.values()) size += group.size;
    return size;
  }

  push(entry: Entry): void {
    this.#due.push(entry);
    if (this.#windowMs === 0) {
      this.flush();
      return;
    }
    const rest = this.#restOfWindow();
    if (rest > 0) this.#flushWithin(rest);
    else this.#turn ??= setImmediate(this.flush);
  }

  /** Sends an answer to one member, with the next messages or within a window; without a window before the turn ends. */
  answer(connection: Connection, bytes: Buffer): void {
    if (this.#windowMs === 0) {
      connection.write(bytes, "soon");
      return;
    }
    connection.write(bytes, "held");
    this.#answered.add(connection);
    const rest = this.#restOfWindow();
    this.#flushWithin(rest > 0 ? rest : this.#windowMs);
  }

  /** Writes what is due now. */
  readonly flush = (): void => {
    clearImmediate(this.#turn);
    clearTimeout(this.#window);
    this.#turn = undefined;
    this.#window = undefined;
    if (this.#due.length > 0) this.#deliverDue();
    for (const connection of this.#answered) connection.release();
    this.#answered.clear();
  };

  /** Sends ephemeral events at once to everyone who reads fast enough, in one write per connection. */
  hint(events: readonly EphemeralFrame[]): void {
    const senders = new Set(events.map(({ except }) => except));
    for (const [codec, connections] of this.#byCodec) {
      const frames = events.map(({ payload, except }) => ({ bytes: codec.json(payload), except }));
      const batch = Buffer.concat(frames.map(({ bytes }) => bytes));
      if (batch.length === 0) continue;
      for (const connection of connections) {
        const others = senders.has(connection.id) ? withoutOwn(connection, frames) : batch;
        if (others.length === 0) continue;
        if (readsHints(connection)) connection.write(others);
        else this.#counters.droppedHints += 1;
      }
    }
  }

  /** Drops what is due and every timer. */
  close(): void {
    this.#due = [];
    this.flush();
    this.#byCodec.clear();
  }

  #deliverDue(): void {
    const due = this.#due;
    this.#due = [];
    for (const [codec, connections] of this.#byCodec) {
      const batch = joined(codec, due);
      if (batch.length === 0) continue;
      let written = 0;
      for (const connection of connections) if (deliver(connection, batch)) written += 1;
      this.#counters.deliveries += written * due.length;
      this.#counters.deliveredBytes += written * batch.length;
    }
    this.#counters.batches += 1;
    this.#lastFlush = performance.now();
  }

  /** How long the window after the last flush is still open, ms; 0 or less = it is over. */
  #restOfWindow(): number {
    return this.#lastFlush + this.#windowMs - performance.now();
  }

  #flushWithin(ms: number): void {
    if (this.#turn !== undefined || this.#window !== undefined) return;
    // A timer cuts fractions off: a window of 5 ms would often be one of 4.
    this.#window = setTimeout(this.flush, Math.ceil(ms));
  }
}

/** Returns what is left of a batch without what the connection itself sent. */
function withoutOwn(
  { id }: Connection,
  frames: readonly { readonly bytes: Buffer; readonly except: string | undefined }[],
): Buffer {
  return Buffer.concat(frames.filter(({ except }) => except !== id).map(({ bytes }) => bytes));
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

/** False if the reader was given up instead. */
function deliver(connection: Connection, batch: Buffer): boolean {
  if (closeIfTooSlow(connection)) return false;
  connection.write(batch);
  return true;
}
