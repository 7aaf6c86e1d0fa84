/**
 * Returns a text without blank lines at its beginning and without blanks at its end. The first line of
 * several keeps its indentation, because the other lines are read against it, as in code; one line alone
 * loses it.
 */
export function trimText(text: string): string {
  // `\s*` takes the indentation too and gives it back up to the last line end before it.
  const trimmed = text.trimEnd().replace(/^\s*[\n\r]/, "");
  return /[\n\r]/.test(trimmed) ? trimmed : trimmed.trimStart();
}
