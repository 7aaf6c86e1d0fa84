import type { DestinationStream } from "pino";
import { Output } from "./log-output.ts";

/** Lines are written together: a write for each message took a tenth of a busy process's time (docs/performance.md). */
const BATCH_BYTES = 8 * 1024;
const WRITE_WITHIN_MS = 100;

/** A pipe takes up to this much (PIPE_BUF) whole or not at all, so that lines of several writers do not mix. */
const PART_BYTES = 4 * 1024;

/** What may wait for a reader. Beyond it the oldest lines are dropped: the newest ones tell why a process ends. */
const WAITING_BYTES = 1024 * 1024;
/** Lines of other processes are not accepted while more than this waits. */
const BEHIND_BYTES = 256 * 1024;

/** The pause after a write of which nothing was taken, ms; doubled each time, up to the longest. */
const RETRY_MS = { shortest: 20, longest: 1_000 } as const;

/** A reader that takes nothing for this long is stuck, and `flushSync` does not wait for it, ms. */
const STUCK_MS = 500;
/** How long `flushSync` waits for a reader that takes something, and between two attempts, ms. */
const FLUSH_WITHIN_MS = 1_000;
const ATTEMPT_MS = 5;

/** pino's number for `warn`. */
const WARN = 40;

export interface LogLinesOptions {
  /** Default: standard output. */
  readonly output?: Pick<Output, "write">;
  /** The fields of every line of this process, for the line that says how many were dropped. */
  readonly base?: object;
}

/** Whole lines that are written together. */
interface Part {
  text: string;
  bytes: number;
}

/**
 * Log lines on their way to standard output. Writing never throws and never waits for the reader: each line is written at most
 * `WRITE_WITHIN_MS` later, or waits while the reader is slow. At most 1 MiB waits; beyond it the oldest lines are dropped, and a line
 * `lines-dropped` in their place says how many. At the end of the process everything is written that the reader takes
 * within a second, or within half of one if it takes nothing. A process that is killed takes its last lines with it.
 */
export class LogLines implements DestinationStream {
  readonly #output: Pick<Output, "write">;
  readonly #base: object;
  /** Emptied by writing, and from its beginning by dropping. */
  readonly #parts: Part[] = [];
  /** What is left of the part whose writing has begun. It is never dropped, or a line would be cut. */
  #begun: Buffer = Buffer.alloc(0);
  /** Of the parts and of what is left of the one begun. */
  #waitingBytes = 0;
  /** Since the last line that said so. */
  #dropped = 0;
  #onDropped: (count: number) => void = () => undefined;
  // A timer that never rests would wake a process that has nothing to say.
  #timer: NodeJS.Timeout | undefined;
  /** The pause before the next attempt, ms; 0 = everything was taken last time. */
  #retryMs = 0;
  /** When the output first took nothing, as performance.now() tells it; undefined = the last attempt was taken. */
  #refusedAt: number | undefined;
  /** Called once no more than BEHIND_BYTES wait; at most one function of each stream of a living worker. */
  readonly #onAccepting = new Set<() => void>();

  constructor({ output = new Output(1), base = {} }: LogLinesOptions = {}) {
    this.#output = output;
    this.#base = base;
    process.once("exit", () => this.flushSync());
  }

  /** Calls `onDropped` with the number of lines each time that some are dropped. */
  countDrops(onDropped: (count: number) => void): void {
    this.#onDropped = onDropped;
  }

  /** Accepts one line with its newline. */
  write(line: string): void {
    this.#add(line, Buffer.byteLength(line));
    if (this.#retryMs === 0 && this.#waitingBytes >= BATCH_BYTES) this.#write();
    else this.#schedule(WRITE_WITHIN_MS);
  }

  /** Accepts whole lines of another process. Returns whether more may come now; if not, `whenAccepting` tells when. */
  forward(lines: string): boolean {
    for (const part of partsOf(lines)) this.#add(part, Buffer.byteLength(part));
    this.#schedule(0);
    return this.#waitingBytes <= BEHIND_BYTES;
  }

  /** Calls `onAccepting` once, when more lines of other processes may come. */
  whenAccepting(onAccepting: () => void): void {
    this.#onAccepting.add(onAccepting);
  }

  /** Takes that back. */
  stopWaiting(onAccepting: () => void): void {
    this.#onAccepting.delete(onAccepting);
  }

  /**
   * Writes what waits, and gives a reader that is slow a moment to take it; pino asks for this after a fatal line. Never throws, and
   * does not wait for a reader that is stuck.
   */
  flushSync(): void {
    const giveUpAt = performance.now() + FLUSH_WITHIN_MS;
    while (!this.#writeParts()) {
      const now = performance.now();
      if (now >= giveUpAt || now - (this.#refusedAt ?? now) >= STUCK_MS) return;
      pause(ATTEMPT_MS);
    }
  }

  #add(text: string, bytes: number): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && last.bytes + bytes <= PART_BYTES) {
      last.text += text;
      last.bytes += bytes;
    } else {
      this.#parts.push({ text, bytes });
    }
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > WAITING_BYTES) this.#dropOldest();
  }

  #dropOldest(): void {
    let dropped = 0;
    while (this.#waitingBytes > WAITING_BYTES) {
      const oldest = this.#parts.shift();
      if (oldest === undefined) break;
      this.#waitingBytes -= oldest.bytes;
      dropped += oldest.text.split("\n").length - 1;
    }
    this.#dropped += dropped;
    this.#onDropped(dropped);
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(this.#onTimer, Math.max(ms, this.#retryMs)).unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#write();
  };

  #write(): void {
    const before = this.#waitingBytes;
    if (this.#writeParts()) this.#retryMs = 0;
    else if (this.#waitingBytes < before || this.#retryMs === 0) this.#retryMs = RETRY_MS.shortest;
    else this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.longest);
    if (this.#retryMs > 0) this.#schedule(this.#retryMs);
    if (this.#waitingBytes > BEHIND_BYTES) return;
    const accepting = [...this.#onAccepting];
    this.#onAccepting.clear();
    for (const onAccepting of accepting) onAccepting();
  }

  /** Returns whether everything was taken. */
  #writeParts(): boolean {
    while (this.#begin()) {
      const taken = this.#output.write(this.#begun);
      if (taken === 0) {
        this.#refusedAt ??= performance.now();
        return false;
      }
      this.#refusedAt = undefined;
      this.#waitingBytes -= taken;
      this.#begun = this.#begun.subarray(taken);
    }
    return true;
  }

  /** Returns false where there is nothing to write. */
  #begin(): boolean {
    if (this.#begun.length > 0) return true;
    if (this.#dropped > 0) {
      this.#begun = Buffer.from(this.#dropLine());
      this.#waitingBytes += this.#begun.length;
      return true;
    }
    const next = this.#parts.shift();
    if (next === undefined) return false;
    this.#begun = Buffer.from(next.text);
    return true;
  }

  /** The line that stands in the place of those that were dropped. */
  #dropLine(): string {
    const count = this.#dropped;
    this.#dropped = 0;
    const fields = { level: WARN, time: Date.now(), ...this.#base, event: "lines-dropped", count };
    return `${JSON.stringify({ ...fields, msg: "log lines were dropped: nobody read them in time" })}\n`;
  }
}

/** Cuts behind lines, so that each part is at most PART_BYTES UTF-16 code units, or one longer line. */
function* partsOf(lines: string): Generator<string> {
  let start = 0;
  while (start < lines.length) {
    let end = lines.lastIndexOf("\n", start + PART_BYTES - 1) + 1;
    if (end <= start) end = lines.indexOf("\n", start) + 1;
    if (end <= start) end = lines.length;
    yield lines.slice(start, end);
    start = end;
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function pause(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}
