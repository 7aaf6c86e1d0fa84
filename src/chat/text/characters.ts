/**
 * Grapheme clusters (UAX #29): what a reader counts as one character. The rules are the same in every
 * language.
 */
const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * A character that is visible on the screen. The second part are visible format characters; U+2800 is the
 * Braille pattern without dots, U+16FE4 and U+1D159 are fillers that show nothing.
 */
const VISIBLE =
  /[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}]|[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/u;

/**
 * Returns whether nothing of a text is visible: it is empty, or consists of blanks, fillers and invisible
 * characters.
 */
export function showsNothing(text: string): boolean {
  return !VISIBLE.test(text);
}

/**
 * Returns the beginning of a text: at most `count` characters, as a reader counts them, and at most `bytes`
 * of UTF-8.
 */
export function firstCharacters(text: string, count: number, bytes: number): string {
  // A character is at least one unit, and a unit at most three bytes: most texts need no segmenting.
  if (text.length <= count && 3 * text.length <= bytes) return text;
  let [characters, size] = [0, 0];
  for (const { index, segment } of SEGMENTER.segment(text)) {
    characters += 1;
    size += Buffer.byteLength(segment);
    if (characters > count || size > bytes) return text.slice(0, index);
  }
  return text;
}
