/** Whether two objects have the same fields with the same plain values. */
export function isEqual(one: object, other: object): boolean {
  const fields = new Map(Object.entries(other));
  const own = Object.entries(one);
  return own.length === fields.size && own.every(([name, value]) => fields.get(name) === value);
}

/** Returns the list that was given out before where the next one has the very same elements: a reader compares lists by identity. */
export function sameList<T>(before: readonly T[], next: readonly T[]): readonly T[] {
  const isSame = before.length === next.length && before.every((each, index) => each === next[index]);
  return isSame ? before : next;
}
