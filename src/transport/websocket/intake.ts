import type { RawData } from "ws";
import { type Counters, countOne } from "../../chat/counters.ts";
import { COST } from "../../chat/limits/request-budget.ts";
import type { SocketSession } from "../../chat/session/session.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { SocketConnection } from "./socket-connection.ts";

/** Most frames of one connection that are passed before the other connections get their turn. */
const FRAMES_IN_A_ROW = 50;

/** How long held frames are passed before the event loop handles sockets again, ms. */
const SLICE_MS = 5;

/** How often held frames are checked, ms. */
const TICK_MS = 20;

/**
 * Most frames that may be held, of one connection and of all: those that came with the last bytes that were
 * read.
 */
const MOST_HELD = { connection: 1_000, process: 100_000 } as const;

/** How long a connection may exceed its budget, ms; then it is closed. */
const LONGEST_MS = 30_000;

/** A connection that stays within its budget for this long no longer counts as exceeding it, ms. */
const PAUSE_MS = 2_000;

/** Pause before the client of such a connection may reconnect, as it is told, ms. */
const RETRY_MS = 10_000;

/** A frame that waits for budget. */
interface Held {
  readonly data: RawData;
  readonly isBinary: boolean;
}

/** A connection that frames come from. */
export interface Source {
  readonly connection: Pick<SocketConnection, "ending" | "pause" | "resume" | "close">;
  readonly session: SocketSession;
  /** Number of its frames that were passed since it was last paused. */
  inARow: number;
  /** Since when it has exceeded its budget, with pauses shorter than `PAUSE_MS`, and when it last did. */
  over?: { readonly since: number; until: number };
}

/** The held frames of one connection, in order of arrival. */
interface Backlog {
  readonly frames: Held[];
  /** Index of the next frame to be passed. */
  next: number;
  /** Whether the connection waits for budget, and not only for its turn. */
  isOver: boolean;
}

/**
 * Passes frames from sockets to sessions as fast as their budgets allow (backpressure), and only a few of one
 * connection in a row: many frames that arrive at once would delay all other connections. A connection whose
 * budget is empty is not read: what the client sends waits on the client's machine, is not lost, and costs
 * nothing here. Frames that were already read are held until there is budget again, and passed one per
 * connection in turn; while connections of an address wait, all others of that address take turns with them.
 */
export class Intake {
  readonly #counters: Counters;
  /** Held frames by connection. An entry is removed when it is empty or its connection is closed. */
  readonly #held = new Map<Source, Backlog>();
  #frames = 0;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** Passes or holds a frame that arrived. */
  take(source: Source, data: RawData, isBinary: boolean): void {
    const backlog = this.#held.size === 0 ? undefined : this.#held.get(source);
    const { requests } = source.session;
    if (backlog !== undefined) this.#hold(source, backlog, { data, isBinary });
    else if (source.inARow >= FRAMES_IN_A_ROW || requests.isEmpty || requests.isContended)
      this.#pause(source, { data, isBinary });
    else pass(source, data, isBinary);
  }

  /** Drops the held frames of a connection that is gone. */
  forget(source: Source): void {
    const backlog = this.#held.get(source);
    if (backlog === undefined) return;
    this.#held.delete(source);
    source.session.requests.stopWaiting();
    this.#frames -= backlog.frames.length - backlog.next;
    if (this.#held.size === 0) this.stop();
  }

  /** Ends the timer. */
  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
  }

  #pause(source: Source, frame: Held): void {
    source.connection.pause();
    this.#soon ??= setImmediate(this.#tick);
    this.#timer ??= setInterval(this.#tick, TICK_MS).unref();
    const backlog: Backlog = { frames: [], next: 0, isOver: false };
    this.#held.set(source, backlog);
    source.session.requests.wait();
    this.#hold(source, backlog, frame);
    if (source.session.requests.isEmpty) this.#noteOver(source, backlog);
  }

  #hold(source: Source, backlog: Backlog, frame: Held): void {
    backlog.frames.push(frame);
    this.#frames += 1;
    if (!this.#isTooMuch(backlog)) return;
    while (!source.session.requests.isEmpty && this.#passNext(source, backlog));
    if (this.#isTooMuch(backlog)) this.#end(source);
  }

  #isTooMuch({ frames, next }: Backlog): boolean {
    return frames.length - next > MOST_HELD.connection || this.#frames > MOST_HELD.process;
  }

  /** Closes a connection that has exceeded its budget for too long. */
  #noteOver(source: Source, backlog: Backlog): void {
    if (backlog.isOver) return;
    backlog.isOver = true;
    countOne(this.#counters.limited, "requests");
    const now = performance.now();
    const { over } = source;
    source.over = over !== undefined && now - over.until < PAUSE_MS ? over : { since: now, until: now };
    // Not if only the budget of its address is empty.
    if (source.session.requests.isOwnEmpty && now - source.over.since >= LONGEST_MS) this.#end(source);
  }

  #end(source: Source): void {
    this.forget(source);
    source.connection.close(CLOSE.tooMany, String(RETRY_MS));
  }

  readonly #tick = (): void => {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    const now = performance.now();
    for (let passed = true; passed; ) {
      passed = false;
      for (const [source, backlog] of [...this.#held]) {
        if (this.#passOne(source, backlog)) passed = true;
        if (performance.now() - now > SLICE_MS) {
          this.#soon = setImmediate(this.#tick);
          return;
        }
      }
    }
  };

  /** Passes the next frame of a connection if there is budget for it. */
  #passOne(source: Source, backlog: Backlog): boolean {
    if (source.connection.ending !== undefined) {
      this.forget(source);
      return false;
    }
    if (source.session.requests.isEmpty) {
      this.#noteOver(source, backlog);
      return false;
    }
    if (this.#passNext(source, backlog)) {
      // Moved to the end, so that each connection gets its turn.
      if (this.#held.delete(source)) this.#held.set(source, backlog);
      return true;
    }
    this.forget(source);
    if (backlog.isOver && source.over !== undefined) source.over.until = performance.now();
    source.inARow = 0;
    source.connection.resume();
    return false;
  }

  /** Passes the next frame of a connection; returns false if there is none. */
  #passNext(source: Source, backlog: Backlog): boolean {
    const frame = backlog.frames[backlog.next];
    if (frame === undefined) return false;
    backlog.next += 1;
    this.#frames -= 1;
    pass(source, frame.data, frame.isBinary);
    return true;
  }
}

function pass(source: Source, data: RawData, isBinary: boolean): void {
  const { session } = source;
  source.inARow += 1;
  // Before it is parsed: an invalid frame costs as much.
  session.requests.spend(COST.frame + (lengthOf(data) >> 10));
  session.onFrame(isBinary ? undefined : data.toString());
}

function lengthOf(data: RawData): number {
  // `ws` passes a Buffer with the options set here; it passes other types only with others.
  return Buffer.isBuffer(data) ? data.length : 0;
}
