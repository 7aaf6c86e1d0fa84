/** Returns whether two objects have the same fields with the same plain values. */
export function isEqual(one: object, other: object): boolean {
  const fields = new Map(Object.entries(other));
  const own = Object.entries(one);
  return own.length === fields.size && own.every(([name, value]) => fields.get(name) === value);
}

/**
 * Returns `before` if `next` has the same elements, because callers compare lists by identity; else `next`.
 */
export function sameList<T>(before: readonly T[], next: readonly T[]): readonly T[] {
  const isSame = before.length === next.length && before.every((each, index) => each === next[index]);
  return isSame ? before : next;
}
