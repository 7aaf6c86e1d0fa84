/**
 * Milliseconds for which a handle belongs to its user after they entered the room, were in it at a presence
 * sync, or wrote there.
 */
export const CLAIM_MS = 60_000;
/**
 * Remaining milliseconds of a claim above which it is not written again, so that most messages only read it.
 */
export const FRESH_MS = 40_000;
/** Claimed looks per room; above that, guests get a number of their own. */
export const MAX_CLAIMS = 10_000;
/** Milliseconds between two removals of expired claims. */
export const SWEEP_MS = 30_000;
