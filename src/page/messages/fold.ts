/** Lines of a message above which it is folded; about what a small window shows. */
const FOLD_LINES = 24;
/** CSS pixels of a letter, and of all that stands beside a text; roughly: this need not be exact, only cheap. */
const LETTER = 9;
const BESIDE = 110;
/** UTF-16 code units of a line at most, and at least. */
const [LONGEST_LINE, SHORTEST_LINE] = [72, 16];

/** Whether a message is so long that only its beginning is shown at first, in a window of that many CSS pixels. */
export function isLong(text: string, windowWidth: number): boolean {
  const fits = Math.floor((windowWidth - BESIDE) / LETTER);
  const perLine = Math.min(LONGEST_LINE, Math.max(SHORTEST_LINE, fits));
  let lines = 0;
  for (const line of text.split("\n")) lines += Math.max(1, Math.ceil(line.length / perLine));
  return lines > FOLD_LINES;
}
