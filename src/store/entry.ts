import type { Entry } from "./store.ts";

/** First bytes of every stored entry; an ephemeral event begins with `{"type":"` instead. */
export const ENTRY_BEGINS = Buffer.from('{"id":"');

/** Returns whether bytes from a room's channel claim to be a stored entry. */
export function looksLikeEntry(payload: Buffer): boolean {
  return payload.subarray(0, ENTRY_BEGINS.length).equals(ENTRY_BEGINS);
}

/**
 * Returns the body of an access entry: the frame that clients get says neither whose right was changed nor
 * how.
 */
export function accessBody(room: string): string {
  return `"type":"access","room":"${room}"}`;
}

/** Makes the entry with its frame; the Redis script builds the same bytes when it publishes. */
export function entryOf(id: string, prev: string, body: string): Entry {
  return { id, prev, frame: Buffer.from(`{"id":"${id}","prev":"${prev}",${body}`) };
}
