/** The id before the first entry of a stream; as a cursor: from the beginning. */
export const BEGINNING = "0-0";

/** A room's name. */
export const ROOM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** A message's key. */
export const KEY = /^[A-Za-z0-9_-]{1,64}$/;
/** A message's id: two decimal numbers that a double holds exactly, joined by a hyphen. */
export const ID = /^(\d{1,16})-(\d{1,16})$/;

export function isRoom(value: string): boolean {
  return ROOM.test(value);
}

export function isMessageId(value: string): boolean {
  return ID.test(value);
}

/**
 * Compares two ids of one room: returns a negative number, zero or a positive number, as Array.sort wants it.
 * The parts are compared as numbers, never as text.
 */
export function compareIds(a: string, b: string): number {
  return timeOf(a) - timeOf(b) || numberOf(a) - numberOf(b);
}

/** Returns when a message was stored, by the store's clock, in ms since 1970 UTC. */
export function timeOf(id: string): number {
  return Number.parseInt(id, 10);
}

/** Returns the second part of an id: the position among the entries of one millisecond. */
function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}

/** Returns whether a user id is a guest's; it need not exist. */
export function isGuestId(user: string): boolean {
  return user.startsWith("g");
}

/** Returns whether a user id is one of a user of the site; it need not exist. */
export function isSiteUserId(user: string): boolean {
  return user.startsWith("s-") || user.startsWith("s_");
}
