/**
 * The times by which a connection is judged. This file imports nothing, and so does limits.ts: then a bundler writes the
 * numbers where they are used.
 */

/** Milliseconds without a frame after which a connection is taken for dead; the server pings every 25 s. */
export const SILENCE_MS = 35_000;
/** Milliseconds for opening and greeting; the platform's router gives up on a request after 30 s. */
export const OPENING_MS = 15_000;
/** Milliseconds for the answer to one request; the server answers in 2 s, slow networks add to it. */
export const ANSWER_MS = 30_000;
/** Milliseconds before the announced end of a connection at which the next one is opened. */
export const RESTART_LEAD_MS = 1_000;
/**
 * Milliseconds by which the pauses grow after which the next connection is tried again where it was refused: perhaps by
 * the server that goes.
 */
export const NEXT_PAUSE_MS = 250;
/** Milliseconds that a restarting server may keep the connection beyond what it announced. */
export const RESTART_GRACE_MS = 2_000;
/** Milliseconds, at most, between two looks at the clock; at the first one the next failure counts as a first one again. */
export const LOOK_MS = 5_000;
/** Milliseconds that the clock may jump between two looks before the connection is in doubt: the machine slept. */
export const JUMP_MS = 20_000;
/** Milliseconds for the answer of a connection that is in doubt. */
export const PROBE_MS = 3_000;
/** Milliseconds within which one comes back after an announced restart (docs/protocol.md, `restart`). */
export const RESTART_SPREAD_MS = 1_000;
/**
 * Announced restarts in a row that cost no pause: during a deploy a client may be sent from one process that goes away to
 * the next one. A server may announce them without end.
 */
export const RESTARTS_IN_A_ROW = 3;
/** Milliseconds to stay away where a 4429 names none. */
export const TOO_MANY_MS = 10_000;
/** Milliseconds: no server keeps a client away longer than this in one go. */
export const STAY_AWAY_CAP_MS = 600_000;
/** Milliseconds that a message waits before a person is told why: shorter waits are those of everybody who types fast. */
export const REASON_MS = 2_000;
/** Milliseconds in which the application must have the user's token. */
export const TOKEN_MS = 10_000;
/** Milliseconds, at least and at most, before the next of several short-lived tokens is asked for; below `RENEWAL_CALM_MS`. */
export const RENEWAL_PAUSE_MS = { shortest: 1_000, longest: 30_000 } as const;
/** Milliseconds after which a renewed token that ends again counts as a first one. */
export const RENEWAL_CALM_MS = 35_000;
/** Milliseconds, at least, between two answers to a `ping` that nobody numbered; the server sends one every 25 s. */
export const PONG_EVERY_MS = 1_000;
