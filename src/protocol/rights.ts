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

/**
 * Whom an access rule is for: a user id, `*` for everybody, or `@` and a digest for the guests of an address.
 */
export const SUBJECT = /^(?:\*|@?[A-Za-z0-9_-]{1,64})$/;
/** A user's id, or `*` for all users. */
export const USERS = /^(?:\*|[A-Za-z0-9_-]{1,64})$/;
