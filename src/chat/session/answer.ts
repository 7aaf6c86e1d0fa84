import type { Entry } from "../../store/store.ts";

const COMMA = Buffer.from(",");
const END = Buffer.from("]}");

/** Returns a frame with some fields and `messages`, which are the bytes that the store gave. */
export function withMessages(fields: object, entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"messages":[`)];
  for (const [index, entry] of entries.entries()) {
    if (index > 0) parts.push(COMMA);
    parts.push(entry.frame);
  }
  parts.push(END);
  return Buffer.concat(parts);
}
