import type { DestinationStream } from "pino";
import { Output } from "./log-output.ts";

/**
 * Bytes that are written together: one write per line took a tenth of a busy process's time
 * (docs/performance.md).
 */
const BATCH_BYTES = 8 * 1024;
const WRITE_WITHIN_MS = 100;

/**
 * Bytes that a pipe accepts completely or not at all (PIPE_BUF), so that lines of several writers do not mix.
 */
const PART_BYTES = 4 * 1024;

/**
 * Bytes that may wait for the reader. Above that the oldest lines are dropped: the newest ones tell why a
 * process ends.
 */
const WAITING_BYTES = 1024 * 1024;
/** Bytes waiting above which no lines of other processes are accepted. */
const BEHIND_BYTES = 256 * 1024;

/** Milliseconds after a write that accepted nothing; doubled each time, up to the longest. */
const RETRY_MS = { shortest: 20, longest: 1_000 } as const;

/**
 * Milliseconds without any progress after which a reader counts as stuck, so that `flushSync` does not wait
 * for it.
 */
const STUCK_MS = 500;
/** Milliseconds for which `flushSync` waits for a reader that makes progress, and between two attempts. */
const FLUSH_WITHIN_MS = 1_000;
const ATTEMPT_MS = 5;

/** pino's level number of `warn`. */
const WARN = 40;

export interface LogLinesOptions {
  /** Where the lines are written. Default: standard output. */
  readonly output?: Pick<Output, "write">;
  /** Fields of every line of this process, for the line that reports dropped lines. */
  readonly base?: object;
}

/** Whole lines that are written together. */
interface Part {
  text: string;
  bytes: number;
}

/**
 * Writes log lines to standard output. Writing never throws and never blocks: each line is written at most
 * `WRITE_WITHIN_MS` later, or waits while the reader is slow. At most 1 MiB waits; above that the oldest
 * lines are dropped, and a line `lines-dropped` in their place tells how many. At the end of the process
 * everything is written that the reader accepts within a second, or within half a second if it accepts
 * nothing. A process that is killed loses its last lines.
 */
export class LogLines implements DestinationStream {
  readonly #output: Pick<Output, "write">;
  readonly #base: object;
  /** Parts that wait to be written; the oldest are dropped. */
  readonly #parts: Part[] = [];
  /** The rest of the part that is being written. It is never dropped, because that would cut a line. */
  #begun: Buffer = Buffer.alloc(0);
  /** Bytes of the parts and of the rest of the begun one. */
  #waitingBytes = 0;
  /** Lines dropped since the last line that reported it. */
  #dropped = 0;
  #onDropped: (count: number) => void = () => undefined;
  // Set only while something waits: a permanent timer would wake an idle process.
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds before the next attempt; 0 if the last write was accepted completely. */
  #retryMs = 0;
  /**
   * Time at which the output first accepted nothing, as performance.now(); undefined if the last attempt made
   * progress.
   */
  #refusedAt: number | undefined;
  /** Called when no more than BEHIND_BYTES wait; at most one function per stream of a running worker. */
  readonly #onAccepting = new Set<() => void>();

  constructor({ output = new Output(1), base = {} }: LogLinesOptions = {}) {
    this.#output = output;
    this.#base = base;
    process.once("exit", () => this.flushSync());
  }

  /** Calls `onDropped` with the number of lines each time that lines are dropped. */
  countDrops(onDropped: (count: number) => void): void {
    this.#onDropped = onDropped;
  }

  /** Accepts one line with its newline. */
  write(line: string): void {
    this.#add(line, Buffer.byteLength(line));
    if (this.#retryMs === 0 && this.#waitingBytes >= BATCH_BYTES) this.#write();
    else this.#schedule(WRITE_WITHIN_MS);
  }

  /**
   * Accepts whole lines of another process. Returns whether more are accepted now; if not, `whenAccepting`
   * tells when.
   */
  forward(lines: string): boolean {
    for (const part of partsOf(lines)) this.#add(part, Buffer.byteLength(part));
    this.#schedule(0);
    return this.#waitingBytes <= BEHIND_BYTES;
  }

  /** Calls `onAccepting` once, when lines of other processes are accepted again. */
  whenAccepting(onAccepting: () => void): void {
    this.#onAccepting.add(onAccepting);
  }

  /** Cancels `whenAccepting`. */
  stopWaiting(onAccepting: () => void): void {
    this.#onAccepting.delete(onAccepting);
  }

  /**
   * Writes what waits, and gives a slow reader a moment to accept it; pino calls it after a fatal line. Never
   * throws, and does not wait for a stuck reader.
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

  /** Writes the parts. Returns whether everything was accepted. */
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

  /** Takes the next part to write; returns false if there is none. */
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

  /** Returns the line that replaces the dropped ones. */
  #dropLine(): string {
    const count = this.#dropped;
    this.#dropped = 0;
    const fields = { level: WARN, time: Date.now(), ...this.#base, event: "lines-dropped", count };
    return `${JSON.stringify({ ...fields, msg: "log lines dropped: the reader was too slow" })}\n`;
  }
}

/**
 * Splits a text at line ends, so that each part has at most PART_BYTES UTF-16 code units, or is one longer
 * line.
 */
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
