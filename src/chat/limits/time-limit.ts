/**
 * How long a request waits for the store, ms. It must be answered within `LIMITS.unavailableMs`; the rest of
 * that is for sending the answer.
 */
export const STORE_WAIT_MS = 1_800;

/**
 * The pause before a connection that cannot ask again (plain sockets, event streams) retries to enter a room,
 * if the store is live and did not answer in time, ms.
 */
export const ENTER_AGAIN_MS = 1_000;
