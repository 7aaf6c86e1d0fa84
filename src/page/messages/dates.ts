/** Makes the formats. A format keeps the time zone in which it was made. */
function formats() {
  return {
    clock: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
    exact: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" }),
    day: new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" }),
    oldDay: new Intl.DateTimeFormat(undefined, { dateStyle: "long" }),
  };
}

let current = formats();

/** Makes the formats again, in the time zone that the machine is in now. */
export function renewTimeZone(): void {
  current = formats();
}

/** Formats hours and minutes. All times here are ms since 1970 UTC, and shown in the user's own time zone. */
export function clockTime(at: number): string {
  return current.clock.format(at);
}

export function exactTime(at: number): string {
  return current.exact.format(at);
}

export function isSameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** Returns "Today", "Yesterday", a weekday and date, or for another year the full date. */
export function dayName(at: number, now: number): string {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(at, now)) return "Today";
  if (isSameDay(at, yesterday.getTime())) return "Yesterday";
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return (isThisYear ? current.day : current.oldDay).format(at);
}

/**
 * Returns the milliseconds until the next day begins. A day on which the clock is changed has more or fewer
 * than 24 hours.
 */
export function untilMidnight(now: number): number {
  const midnight = new Date(now);
  midnight.setHours(24, 0, 0, 0);
  return midnight.getTime() - now;
}
