import { renewTimeZone, untilMidnight } from "./dates.ts";

/** Milliseconds: while a machine sleeps its timers may stand still, so none is set for longer. */
const LOOK_MS = 60_000;

/** What a time on the page depends on besides itself. */
function today(): string {
  return `${new Date().toDateString()} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}

/**
 * Calls `changed` when another day has begun or the machine is in another time zone: at midnight, after a sleep within a
 * minute, and in a window that was hidden as soon as it is shown.
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
