import type { Readable } from "node:stream";
import type { LogLines } from "./log-lines.ts";

/** UTF-16 code units of a line whose end has not arrived; a longer line is cut. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Forwards the log lines of a worker. If workers wrote to the program's own output they would share its
 * descriptor, and with it the flag that decides whether a write blocks. While too much waits to be written,
 * nothing is read; the worker then drops lines itself and counts them.
 */
export class ForwardedLines {
  readonly #stream: Readable;
  readonly #lines: LogLines;
  /** The beginning of a line whose end has not arrived. */
  #cut = "";
  #isReleased = false;

  constructor(stream: Readable, lines: LogLines) {
    this.#stream = stream;
    this.#lines = lines;
    stream.setEncoding("utf8");
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    // Only the end of the stream matters, and it is reported as well.
    stream.on("error", () => undefined);
  }

  /**
   * Reads the rest without waiting, so that the stream ends. Its writer has ended, so that little is left.
   */
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
