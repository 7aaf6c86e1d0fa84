import { renewTimeZone, untilMidnight } from "./dates.ts";

/**
 * Milliseconds of the longest timer. Timers may stop while a machine sleeps, so longer ones would be late.
 */
const LOOK_MS = 60_000;

/** Returns the day and the time zone, on which the text of a time depends. */
function today(): string {
  return `${new Date().toDateString()} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}

/**
 * Calls `changed` when another day has begun or the machine is in another time zone: at midnight, within a
 * minute after the machine has slept, and as soon as a hidden window is shown.
 */
export function watchDay(changed: () => void): void {
  let shown = today();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    const now = today();
    if (now !== shown) {
      shown = now;
      renewTimeZone();
      changed();
    }
    if (document.visibilityState === "visible") {
      timer = setTimeout(look, Math.min(untilMidnight(Date.now()), LOOK_MS));
    }
  };
  document.addEventListener("visibilitychange", look);
  for (const name of ["focus", "pageshow"]) addEventListener(name, look);
  look();
}
