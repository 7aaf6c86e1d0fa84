import { CHARACTER_NAMES } from "./tables.ts";

const NAMES = new Map(
  CHARACTER_NAMES.trimEnd()
    .split("\n")
    .map((line) => [Number.parseInt(line, 16), line.slice(line.indexOf(" ") + 1)]),
);

/** Names of kinds of characters that have no name of their own, or whose names are numbers. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\p{Cc}/u, "control character"],
  [/\p{Cs}/u, "half a character"],
  [/\p{Co}/u, "private-use character"],
  [/\p{Cn}/u, "unassigned code point"],
  [/\p{Variation_Selector}/u, "variation selector"],
  [/[\u{E0000}-\u{E007F}]/u, "tag"],
];

/** Returns the name of a character for an error message: `U+202E (right-to-left override)`. */
export function nameOfCharacter(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const name = NAMES.get(codePoint) ?? KINDS.find(([kind]) => kind.test(character))?.[1];
  const number = codePoint.toString(16).toUpperCase().padStart(4, "0");
  return name === undefined ? `U+${number}` : `U+${number} (${name})`;
}
