/** A format keeps the time zone that it was made in. */
function formats() {
  return {
    clock: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
    exact: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" }),
    day: new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" }),
    oldDay: new Intl.DateTimeFormat(undefined, { dateStyle: "long" }),
  };
}

let current = formats();

/** Follows the reader into another time zone: what is formatted from now on is in the one of now. */
export function renewTimeZone(): void {
  current = formats();
}

/** All times are ms since 1970 UTC, shown in the reader's own time zone. */
export function clockTime(at: number): string {
  return current.clock.format(at);
}

export function exactTime(at: number): string {
  return current.exact.format(at);
}

export function isSameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** "Today", "Yesterday", a weekday and date, or with another year the whole date. */
export function dayName(at: number, now: number): string {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(at, now)) return "Today";
  if (isSameDay(at, yesterday.getTime())) return "Yesterday";
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return (isThisYear ? current.day : current.oldDay).format(at);
}

/** Returns the milliseconds until the next day begins; more or fewer than 24 hours on a day when the clock is changed. */
export function untilMidnight(now: number): number {
  const midnight = new Date(now);
  midnight.setHours(24, 0, 0, 0);
  return midnight.getTime() - now;
}
