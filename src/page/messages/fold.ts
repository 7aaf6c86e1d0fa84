/** Lines of a message above which it is folded; about what a small window shows. */
const FOLD_LINES = 24;
/**
 * CSS pixels of a letter, and of everything beside a text. Rough values: the estimate must be cheap, not
 * exact.
 */
const LETTER = 9;
const BESIDE = 110;
/** Largest and smallest number of UTF-16 code units that a line is assumed to have. */
const [LONGEST_LINE, SHORTEST_LINE] = [72, 16];

/**
 * Returns whether only the beginning of a message is shown at first, in a window that is that many CSS pixels
 * wide.
 */
export function isLong(text: string, windowWidth: number): boolean {
  const fits = Math.floor((windowWidth - BESIDE) / LETTER);
  const perLine = Math.min(LONGEST_LINE, Math.max(SHORTEST_LINE, fits));
  let lines = 0;
  for (const line of text.split("\n")) lines += Math.max(1, Math.ceil(line.length / perLine));
  return lines > FOLD_LINES;
}
