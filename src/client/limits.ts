/** How much a client keeps and requests; the numbers of docs/protocol.md are in contract.ts. */

/** Messages per room that wait to be stored, at most. */
export const QUEUE_LIMIT = 200;
/**
 * Entries per room in memory, about 5 MB, so that a room that is open for weeks stays small. Above that the
 * oldest are dropped when new ones come, and no older ones are read.
 */
export const TIMELINE_LIMIT = 10_000;
/** Entries that are kept then. Many are dropped at once, so that not every new one moves the list. */
export const TIMELINE_KEPT = 9_000;
/**
 * Live frames that are kept while missed messages are read. Of more the oldest are dropped, and read as pages
 * too.
 */
export const HELD_LIMIT = 500;
/** Messages per page of older ones. */
export const PAGE = 100;
/** Typing users that are kept per room; a page names three. */
export const TYPING_LIMIT = 20;
/** Characters of a key with 5 bits each, so 100 random bits, so that keys of one user do not collide. */
export const KEY_LENGTH = 20;
/** Code points of a text at most, until the server has told its own limit. */
export const TEXT_LENGTH = 2_000;
