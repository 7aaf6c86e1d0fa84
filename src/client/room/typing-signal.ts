import type { Clock } from "../ports.ts";

/** Milliseconds between two signals that the user types; receivers let one lapse after six times that. */
export const TYPING_EVERY_MS = 1_000;

/**
 * Returns what is called as often as the user types, or ends typing. It calls `send`, which tells the others, at most once a
 * second for the one, and for the other only after a beginning.
 */
export function typingSignal(clock: Clock, send: (on: boolean) => void): (on: boolean) => void {
  /** When the last one that types was told; 0 while one does not. */
  let last = 0;
  return (on) => {
    const now = clock.now();
    if (on ? now - last < TYPING_EVERY_MS : last === 0) return;
    last = on ? now : 0;
    send(on);
  };
}
