import type { Readable } from "node:stream";
import type { LogLines } from "./log-lines.ts";

/** A line that is longer than this before its end has come is cut, UTF-16 code units. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Passes the lines of a worker on. A worker that wrote to the program's own output would change how that is written to: the output's
 * descriptor, and with it whether a write waits, is one for all of them. While too much waits, nothing is read: the worker
 * then drops its own lines and counts them.
 */
export class ForwardedLines {
  readonly #stream: Readable;
  readonly #lines: LogLines;
  /** The beginning of a line whose end has not come. */
  #cut = "";
  #isReleased = false;

  constructor(stream: Readable, lines: LogLines) {
    this.#stream = stream;
    this.#lines = lines;
    stream.setEncoding("utf8");
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    // Its end is all that matters, and that comes too.
    stream.on("error", () => undefined);
  }

  /** Reads what is left whatever waits, so that the stream ends: its writer has ended, and what is left is little. */
  release(): void {
    this.#isReleased = true;
    this.#lines.stopWaiting(this.#resume);
    this.#resume();
  }

  readonly #resume = (): void => {
    this.#stream.resume();
  };

  readonly #onData = (text: string): void => {
    const end = text.lastIndexOf("\n") + 1;
    if (end > 0) {
      this.#forward(this.#cut + text.slice(0, end));
      this.#cut = text.slice(end);
    } else {
      this.#cut += text;
      if (this.#cut.length > LONGEST_LINE) this.#onEnd();
    }
  };

  readonly #onEnd = (): void => {
    if (this.#cut !== "") this.#forward(`${this.#cut}\n`);
    this.#cut = "";
  };

  #forward(lines: string): void {
    if (this.#lines.forward(lines) || this.#isReleased) return;
    this.#stream.pause();
    this.#lines.whenAccepting(this.#resume);
  }
}
