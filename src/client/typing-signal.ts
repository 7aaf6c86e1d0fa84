import type { Clock } from "./ports.ts";

/** Milliseconds between two signals that one types; receivers let one lapse after six times that. */
export const TYPING_EVERY_MS = 1_000;

/** Tells the others that one types: at most one signal a second, and an end only after a beginning. */
export class TypingSignal {
  readonly #clock: Clock;
  readonly #send: (on: boolean) => void;
  #last: number | undefined;

  constructor(clock: Clock, send: (on: boolean) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  set(on: boolean): void {
    const now = this.#clock.now();
    if (on) {
      if (this.#last !== undefined && now - this.#last < TYPING_EVERY_MS) return;
      this.#last = now;
      this.#send(true);
    } else if (this.#last !== undefined) {
      this.#last = undefined;
      this.#send(false);
    }
  }
}
