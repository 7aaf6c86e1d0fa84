/**
 * The numbers of docs/protocol.md that the client acts on. They stand here once more because a bundler keeps an
 * object whole: `LIMITS` and `CLOSE` of protocol/ would cost a page ten times what is used of them. A test holds the
 * two to each other.
 */

/** Messages asked for at a first join. */
export const JOIN_MESSAGES = 50;
/** Messages of one answer. */
export const ANSWER_MESSAGES = 200;
/** Milliseconds after which a typing hint lapses. */
export const TYPING_MS = 6_000;
/** Milliseconds for which the server remembers a key. */
export const KEY_MS = 600_000;
/** People of a room who are told by name. */
export const PRESENCE_NAMES = 200;

/** Close codes; `ABNORMAL`: there was no close frame (RFC 6455, section 7.4.1). */
export const ABNORMAL = 1006;
export const GOING_AWAY = 1001;
export const TOO_BIG = 1009;
export const RESTARTING = 1012;
export const PROTOCOL_VIOLATION = 4400;
export const UNAUTHORIZED = 4401;
export const FORBIDDEN = 4403;
export const TOO_MANY = 4429;
/** Never sent by a server: fallback.ts closes with it where the server refuses the page's origin. */
export const ORIGIN_REFUSED = 4490;
