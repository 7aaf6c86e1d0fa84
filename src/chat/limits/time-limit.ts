/**
 * Requests that need the store are answered within `LIMITS.unavailableMs`; this much of it is left to
 * wait, the rest is for the answer's own way, ms.
 */
export const STORE_WAIT_MS = 1_800;
