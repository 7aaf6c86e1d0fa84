import type { Clock } from "../ports.ts";

/** Milliseconds between two typing frames; for receivers a frame expires after six times that. */
export const TYPING_EVERY_MS = 1_000;

/**
 * Returns a function to be called whenever the user types or stops typing. It calls `send`, which tells the
 * others, at most once per second while the user types, and with false only after a true.
 */
export function typingSignal(clock: Clock, send: (on: boolean) => void): (on: boolean) => void {
  /** Time of the last typing frame; 0 while the user does not type. */
  let last = 0;
  return (on) => {
    const now = clock.now();
    if (on ? now - last < TYPING_EVERY_MS : last === 0) return;
    last = on ? now : 0;
    send(on);
  };
}
