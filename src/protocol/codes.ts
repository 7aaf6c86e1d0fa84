/** Close codes of a socket; RFC 6455 section 7.4 names those below 4000. */
export const CLOSE = {
  goingAway: 1001,
  frameTooBig: 1009,
  serverFault: 1011,
  restarting: 1012,
  overloaded: 1013,
  protocolViolation: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  tooSlow: 4408,
  tooMany: 4429,
} as const;

/** Every error code, and whether the same request may succeed later without a change. */
export const ERRORS = {
  "bad-frame": { retryable: false },
  "bad-request": { retryable: false },
  "unknown-type": { retryable: false },
  "hello-first": { retryable: false },
  "not-joined": { retryable: false },
  "not-found": { retryable: false },
  "bad-room": { retryable: false },
  "bad-handle": { retryable: false },
  "text-empty": { retryable: false },
  "text-too-long": { retryable: false },
  "too-many-rooms": { retryable: false },
  "rate-limited": { retryable: true },
  forbidden: { retryable: false },
  unauthorized: { retryable: false },
  unavailable: { retryable: true },
  "storage-full": { retryable: true },
} as const;

export type ErrorCode = keyof typeof ERRORS;
