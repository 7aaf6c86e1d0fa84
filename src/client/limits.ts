/** How much of anything a client keeps and asks for; docs/protocol.md's own numbers stand in contract.ts. */

/** Messages a room keeps that are not stored yet. */
export const QUEUE_LIMIT = 200;
/**
 * Entries a room keeps, so that one left open for weeks stays small: some 5 MB. Beyond, the oldest leave as new ones come,
 * and no older ones are read.
 */
export const TIMELINE_LIMIT = 10_000;
/** Entries that stay then: many leave at once, so that not each new one moves the list. */
export const TIMELINE_KEPT = 9_000;
/** Live frames kept while older pages are read; of more the oldest go, and are read as pages too. */
export const HELD_LIMIT = 500;
/** Messages of a page of older ones. */
export const PAGE = 100;
/** Names of people who type that are kept at once; a line on a page names three. */
export const TYPING_LIMIT = 20;
/** Letters of a key. Each has 5 bits; 100 random bits, so that keys of one user do not meet. */
export const KEY_LENGTH = 20;
/** Code points of a text until the server has told its own limit. */
export const TEXT_LENGTH = 2_000;
