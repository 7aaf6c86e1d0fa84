/** What a user may do in a room, from nothing to everything; each right includes those before it. */
export const RIGHTS = ["none", "read", "write", "moderate"] as const;

export type Right = (typeof RIGHTS)[number];

export function isRight(value: unknown): value is Right {
  return RIGHTS.some((right) => right === value);
}

/** Returns whether a right includes another one. */
export function includes(right: Right, needed: Right): boolean {
  return RIGHTS.indexOf(right) >= RIGHTS.indexOf(needed);
}
