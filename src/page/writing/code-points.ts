/** Returns the length of a text in code points, as the server counts it: a surrogate pair counts once. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
