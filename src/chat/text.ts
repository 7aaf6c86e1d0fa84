/** C0 and C1 characters but tab and newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * A text as it is stored: without control characters but tab and newline, lone surrogates replaced,
 * trimmed. `maxLength` in code points.
 */
export function readText(
  given: string,
  maxLength: number,
): { text: string } | "text-empty" | "text-too-long" {
  const text = given.replace(/\r\n?/g, "\n").replace(CONTROL, "").toWellFormed().trim();
  if (text === "") return "text-empty";
  return isLonger(text, maxLength) ? "text-too-long" : { text };
}

function isLonger(text: string, maxLength: number): boolean {
  // A code point is one or two UTF-16 units: most texts are settled without counting.
  if (text.length <= maxLength) return false;
  if (text.length > 2 * maxLength) return true;
  let count = 0;
  for (const _ of text) count++;
  return count > maxLength;
}
