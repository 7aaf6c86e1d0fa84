const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** Formats a number of bytes: `812 B`, `61.4 MiB`. */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Formats a duration by its two largest units: `45 s`, `3 min 20 s`, `2 d 4 h`. */
export function durationInWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  const told = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return told.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** Formats a number per second, from ten on without decimals. */
export function rateInWords(rate: number): string {
  return rate >= 10 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1);
}

export function countInWords(count: number): string {
  return Math.round(count).toLocaleString("en");
}

/** Formats a short time in ms; undefined, an unknown time, becomes a dash. */
export function msInWords(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** Formats a moment, ms since 1970 UTC, in the user's own time zone. */
export function timeInWords(at: number): string {
  return new Date(at).toLocaleString();
}
