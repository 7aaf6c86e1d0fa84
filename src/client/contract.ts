/**
 * The numbers of docs/protocol.md that the client needs. They are repeated here because a bundler keeps an
 * object whole: `LIMITS` and `CLOSE` of protocol/ would cost a page ten times what it uses of them. A test
 * checks that they agree.
 */

/** Messages requested at a first join. */
export const JOIN_MESSAGES = 50;
/** Messages of one answer at most. */
export const ANSWER_MESSAGES = 200;
/** Milliseconds after which a typing event expires. */
export const TYPING_MS = 6_000;
/** Milliseconds for which the server remembers a key. */
export const KEY_MS = 600_000;
/** Users of a room whom the server names at most. */
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
/** Close code that no server sends: fallback.ts closes with it if the server refuses the page's origin. */
export const ORIGIN_REFUSED = 4490;
