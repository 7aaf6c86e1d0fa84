import { CLOSE } from "../../protocol/codes.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Entry } from "../../store/store.ts";
import type { Codec, Connection } from "../connection.ts";
import { Counters } from "../counters.ts";

/** The frame of an ephemeral event, for all connections of a room but one. */
export interface EphemeralFrame {
  /** JSON text of a v1 frame. */
  readonly payload: Buffer;
  /** The id of the connection that does not get it; undefined = all get it. */
  readonly except: string | undefined;
}

/**
 * Broadcasts a room's entries to its connections. The kernel's write is three quarters of the cost of a
 * delivery, so what arrives in one tick of the event loop is batched, encoded once per codec, and written
 * once per connection; the queues of slow readers share those bytes.
 *
 * In a busy room a window makes batches larger: if the last flush is less than `windowMs` ago, the next one
 * waits for the rest of the window. The first message after a quiet time never waits. A window of 0 = one
 * write per message.
 *
 * An answer to a member waits for the batch, at most one window: a write of its own costs as much as the
 * whole batch, and delays the message that it answers for all other members.
 */
export class Outbox {
  readonly #windowMs: number;
  readonly #counters: Counters;
  readonly #byCodec = new Map<Codec, Set<Connection>>();
  /** Connections with answers that wait for the next flush. */
  readonly #answered = new Set<Connection>();
  #due: Entry[] = [];
  #lastFlush = Number.NEGATIVE_INFINITY;
  #tick: NodeJS.Immediate | undefined;
  #window: NodeJS.Timeout | undefined;

  constructor(windowMs: number, counters = new Counters()) {
    this.#windowMs = windowMs;
    this.#counters = counters;
  }

  /**
   * Adds a connection, which gets what is pushed from now on. Flushes what was pushed before to the others
   * first.
   */
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

  /** Number of connections. */
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
    else this.#tick ??= setImmediate(this.flush);
  }

  /**
   * Sends an answer to one member, with the next messages or within a window; without a window at the end of
   * the tick.
   */
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
    clearImmediate(this.#tick);
    clearTimeout(this.#window);
    this.#tick = undefined;
    this.#window = undefined;
    if (this.#due.length > 0) this.#deliverDue();
    for (const connection of this.#answered) connection.release();
    this.#answered.clear();
  };

  /**
   * Sends ephemeral events at once, in one write per connection, to all connections that read fast enough.
   */
  ephemeral(events: readonly EphemeralFrame[]): void {
    const senders = new Set(events.map(({ except }) => except));
    for (const [codec, connections] of this.#byCodec) {
      const frames = events.map(({ payload, except }) => ({ bytes: codec.json(payload), except }));
      const batch = Buffer.concat(frames.map(({ bytes }) => bytes));
      if (batch.length === 0) continue;
      for (const connection of connections) {
        const others = senders.has(connection.id) ? withoutOwn(connection, frames) : batch;
        if (others.length === 0) continue;
        if (takesEphemeral(connection)) connection.write(others);
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

  /** Returns how much of the window after the last flush is left, ms; 0 or less = none. */
  #restOfWindow(): number {
    return this.#lastFlush + this.#windowMs - performance.now();
  }

  #flushWithin(ms: number): void {
    if (this.#tick !== undefined || this.#window !== undefined) return;
    // A timer cuts off fractions: a window of 5 ms would often be one of 4 ms.
    this.#window = setTimeout(this.flush, Math.ceil(ms));
  }
}

/** Returns the bytes of a batch without the frames that the connection itself sent. */
function withoutOwn(
  { id }: Connection,
  frames: readonly { readonly bytes: Buffer; readonly except: string | undefined }[],
): Buffer {
  return Buffer.concat(frames.filter(({ except }) => except !== id).map(({ bytes }) => bytes));
}

/**
 * Returns whether a connection gets ephemeral events now. They are the first to be dropped: while more than
 * `LIMITS.hintWaterline` bytes wait for it.
 */
export function takesEphemeral(connection: Connection): boolean {
  return connection.waiting <= LIMITS.hintWaterline;
}

function joined(codec: Codec, entries: readonly Entry[]): Buffer {
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) return codec.entry(only);
  return Buffer.concat(entries.map((entry) => codec.entry(entry)));
}

/**
 * Closes a connection for which more than `LIMITS.closeWaterline` bytes wait (backpressure), and returns
 * whether it did; the client reconnects and recovers. Called before each message and each request, so that no
 * client can send requests without end and read no answers.
 */
export function closeIfTooSlow(connection: Connection): boolean {
  if (connection.waiting <= LIMITS.closeWaterline) return false;
  connection.close(CLOSE.tooSlow, "too slow a reader");
  return true;
}

/** Writes a batch to a connection; returns false if it was closed as too slow instead. */
function deliver(connection: Connection, batch: Buffer): boolean {
  if (closeIfTooSlow(connection)) return false;
  connection.write(batch);
  return true;
}
