import { inspect } from "node:util";

/** Characters of a given value that an error repeats at most. */
const QUOTED = 80;

/** Changed letters up to which a name counts as misspelt. */
const MISSPELT = 3;

/** Returns a value as an error shows it, in one line. */
export function inspected(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  return shortened(inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY }).replaceAll("\n", " "));
}

function shortened(text: string): string {
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
}

/**
 * Returns the name of `known` that was probably meant; undefined if none is similar. `MAX_TEXT_LENGTH` is
 * similar to `maxTextLength`.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = plainOf(name).slice(0, QUOTED);
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distance(plain, plainOf(candidate)) }))
    .filter(({ distance }) => distance <= MISSPELT)
    .sort((one, other) => one.distance - other.distance);
  return nearest?.candidate;
}

function plainOf(name: string): string {
  return name.replaceAll(/[_-]/g, "").toLowerCase();
}

/**
 * Returns how many letters must be changed, added or removed to turn one text into the other (Levenshtein
 * distance).
 */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [column, against] of Array.from(other).entries()) {
      const changed = (row[column] ?? 0) + (letter === against ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
