import type { Entry } from "./log.ts";

/** The frame of a stored entry; the Redis script builds the same bytes when it publishes. */
export function entryOf(id: string, prev: string, body: string): Entry {
  return { id, prev, frame: Buffer.from(`{"id":"${id}","prev":"${prev}",${body}`) };
}
