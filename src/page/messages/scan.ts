/**
 * Returns where a character of a kind is first at or after `from`, the text's length where there is none. `kind` matches
 * one character and has the flag `g`. Looks at no character after the one it finds.
 */
export function indexOfKind(text: string, kind: RegExp, from: number): number {
  kind.lastIndex = from;
  return kind.exec(text)?.index ?? text.length;
}
