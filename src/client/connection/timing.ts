/**
 * The time limits of a connection. This file and limits.ts import nothing, so that a bundler inlines the
 * numbers.
 */

/** Milliseconds without a frame after which a connection counts as lost; the server pings every 25 s. */
export const SILENCE_MS = 35_000;
/** Milliseconds for opening a socket and its hello; the platform's router gives up a request after 30 s. */
export const OPENING_MS = 15_000;
/** Milliseconds for the answer to a request; the server answers within 2 s, slow networks add to that. */
export const ANSWER_MS = 30_000;
/** Milliseconds before the announced end of a connection at which the next one is opened. */
export const RESTART_LEAD_MS = 1_000;
/**
 * Milliseconds by which the pauses grow before the next connection is tried again after a refusal, which may
 * come from the server that is closing.
 */
export const NEXT_PAUSE_MS = 250;
/** Milliseconds for which a restarting server may keep the connection longer than it announced. */
export const RESTART_GRACE_MS = 2_000;
/**
 * Milliseconds, at most, between two checks of the clock. At the first check the connection counts as stable,
 * and the next failure as a first one.
 */
export const LOOK_MS = 5_000;
/**
 * Milliseconds by which the clock may jump between two checks before the connection is probed, because the
 * machine slept.
 */
export const JUMP_MS = 20_000;
/** Milliseconds for the answer to a probe. */
export const PROBE_MS = 3_000;
/** Milliseconds within which a client reconnects after an announced restart (docs/protocol.md, `restart`). */
export const RESTART_SPREAD_MS = 1_000;
/**
 * Consecutive announced restarts without a pause: during a deploy a client may be moved from one process that
 * ends to the next. Limited, because a server could announce them without end.
 */
export const RESTARTS_IN_A_ROW = 3;
/** Milliseconds to wait after a 4429 that names none. */
export const TOO_MANY_MS = 10_000;
/** Milliseconds for which a server may ask a client to wait, at most. */
export const STAY_AWAY_CAP_MS = 600_000;
/**
 * Milliseconds of a wait from which on the user is told its reason. Shorter waits are common when a user
 * types fast.
 */
export const REASON_MS = 2_000;
/** Milliseconds within which the application must return the user's token. */
export const TOKEN_MS = 10_000;
/**
 * Milliseconds, at least and at most, before the next of several short-lived tokens is requested; below
 * `RENEWAL_CALM_MS`.
 */
export const RENEWAL_PAUSE_MS = { shortest: 1_000, longest: 30_000 } as const;
/** Milliseconds after a renewal after which the next expiry counts as a first one. */
export const RENEWAL_CALM_MS = 35_000;
/** Milliseconds, at least, between two answers to a `ping` without `ref`; the server sends one every 25 s. */
export const PONG_EVERY_MS = 1_000;
