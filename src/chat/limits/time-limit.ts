/**
 * How long a request waits for the store, ms. It must be answered within `LIMITS.unavailableMs`; the rest of
 * that is for sending the answer.
 */
export const STORE_WAIT_MS = 1_800;
