import { type DestinationStream, pino } from "pino";

/** Lines are written together: a write for each message took a tenth of a busy process's time (docs/performance.md). */
const WRITE_BYTES = 8 * 1024;
const WRITE_WITHIN_MS = 100;

/**
 * Log lines on their way to standard output: each is there at most `WRITE_WITHIN_MS` later, and at the end of the process
 * everything is. A process that is killed takes its last lines with it.
 */
export class LogLines implements DestinationStream {
  readonly #output = pino.destination({ fd: 1, minLength: WRITE_BYTES, sync: true });
  // pino's own timer never rests: ten times a second it woke a process that had nothing to say.
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    process.once("exit", () => this.flushSync());
  }

  write(line: string): void {
    this.#output.write(line);
    this.#timer ??= setTimeout(this.#flush, WRITE_WITHIN_MS).unref();
  }

  /** Writes what is left; also what pino asks for behind a fatal line. Never throws: there is nobody left to tell. */
  flushSync(): void {
    try {
      // Not the output's own `flushSync`, which tries again for ever where the reader is gone or the disk is full.
      this.#output.flush();
    } catch {}
  }

  readonly #flush = (): void => {
    this.#timer = undefined;
    this.#output.flush();
  };
}
