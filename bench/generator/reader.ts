import { monotonicMicros } from "../monotonic.ts";
import { type FramePlace, frameAt, OPCODE } from "./frames.ts";
import { findMark, numberAt, timeAt } from "./mark.ts";
import type { Follower, Order } from "./order.ts";

/** Listener of a FrameReader. */
export interface FrameListener {
  /** Whether marks are live messages by now; before, they are what the server remembers. */
  readonly isReady: boolean;
  /** A frame without a mark, one that is no text, or one that came before the client was ready. */
  received(opcode: number, payload: Buffer): void;
}

/** What one client read, kept for the others, who read the same bytes. */
interface Memory {
  readonly bytes: Buffer;
  readonly carriedIn: Buffer;
  readonly carriedOut: Buffer;
  readonly place: number;
  readonly count: number;
}

const NOTHING = Buffer.alloc(0);
/** Clients of one server are at most a few reads apart, or they are slow and read other pieces anyway. */
const REMEMBERED = 8;
const MEMORIES = new WeakMap<Order, Memory[]>();

/**
 * Reads a server's frames. A server sends the same bytes to all clients of a room: a client that reads a
 * piece that another one has read at the same position of the order only compares it, which costs a tenth of
 * parsing it.
 */
export class FrameReader {
  readonly #follower: Follower;
  readonly #listener: FrameListener;
  #carried: Buffer = NOTHING;

  constructor(follower: Follower, listener: FrameListener) {
    this.#follower = follower;
    this.#listener = listener;
  }

  /** Takes the first `length` of `bytes`, which may be used again for something else afterwards. */
  read(bytes: Buffer, length: number): void {
    const now = monotonicMicros();
    const known = this.#follower.follows ? this.#recall(bytes, length) : undefined;
    if (known === undefined) {
      this.#takeApart(bytes, length, now);
      return;
    }
    this.#follower.advance(known.count, now);
    this.#carried = known.carriedOut;
  }

  #recall(bytes: Buffer, length: number): Memory | undefined {
    return MEMORIES.get(this.#follower.order)?.find(
      (memory) =>
        memory.place === this.#follower.place &&
        memory.bytes.length === length &&
        memory.carriedIn === this.#carried &&
        memory.bytes.compare(bytes, 0, length) === 0,
    );
  }

  #takeApart(piece: Buffer, length: number, now: number): void {
    const follower = this.#follower;
    const { place } = follower;
    const carriedIn = this.#carried;
    const carries = carriedIn.length > 0;
    const bytes = carries ? Buffer.concat([carriedIn, piece.subarray(0, length)]) : piece;
    const end = carries ? bytes.length : length;
    let onlyMarks = true;
    let at = 0;
    for (let frame = frameAt(bytes, at, end); frame !== undefined; frame = frameAt(bytes, at, end)) {
      at = frame.end;
      onlyMarks = this.#takeFrame(bytes, frame, now) && onlyMarks;
    }
    this.#carried = at === end ? NOTHING : Buffer.from(bytes.subarray(at, end));
    if (!onlyMarks || !follower.follows) return;
    remember(follower.order, {
      bytes: Buffer.from(piece.subarray(0, length)),
      carriedIn,
      carriedOut: this.#carried,
      place,
      count: follower.place - place,
    });
  }

  /** Whether it carried a mark. */
  #takeFrame(bytes: Buffer, { opcode, start, end }: FramePlace, now: number): boolean {
    const mark = opcode === OPCODE.text && this.#listener.isReady ? findMark(bytes, start, end) : -1;
    if (mark >= 0) this.#follower.see(numberAt(bytes, mark), timeAt(bytes, mark), now);
    else this.#listener.received(opcode, bytes.subarray(start, end));
    return mark >= 0;
  }
}

function remember(order: Order, memory: Memory): void {
  const memories = MEMORIES.get(order) ?? [];
  memories.unshift(memory);
  if (memories.length > REMEMBERED) memories.pop();
  MEMORIES.set(order, memories);
}
