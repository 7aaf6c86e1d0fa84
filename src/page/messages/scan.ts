/**
 * Returns the index of the first character of a kind at or after `from`; the text's length if there is none.
 * `kind` matches one character and has the flag `g`. Reads no character after the one it finds.
 */
export function indexOfKind(text: string, kind: RegExp, from: number): number {
  kind.lastIndex = from;
  return kind.exec(text)?.index ?? text.length;
}
