import { isUtf8 } from "node:buffer";
import { isMessageId } from "../../protocol/ids.ts";
import { looksLikeEntry } from "../../store/entry.ts";
import type { Entry } from "../../store/store.ts";

/**
 * Reads what arrived on a room's channel or from its log. The bytes are what clients get, so they are
 * checked whole, once a message and process: valid UTF-8 (a client must drop the connection over
 * anything else), one JSON object, of this room, with the members its type promises.
 * Returns undefined for everything else.
 */
export function checkedEntry(room: string, payload: Buffer): Entry | undefined {
  if (!looksLikeEntry(payload) || !isUtf8(payload)) return undefined;
  // One character a byte: what is looked at here is ASCII, and whether it is JSON does not depend on the rest.
  const text = payload.toString("latin1");
  const frame = objectOf(text);
  if (frame === undefined) return undefined;
  const { id, prev } = frame;
  if (typeof id !== "string" || typeof prev !== "string" || !isMessageId(id) || !isMessageId(prev)) {
    return undefined;
  }
  if (frame["room"] !== room || !isWhole(frame)) return undefined;
  // A later "id" in the same object would win in JSON.parse; readers of the first bytes must see the same one.
  if (!text.startsWith(`{"id":"${id}","prev":"${prev}",`)) return undefined;
  return { id, prev, frame: payload };
}

function isWhole(frame: Readonly<Record<string, unknown>>): boolean {
  if (frame["type"] !== "message") return typeof frame["type"] === "string";
  return (
    typeof frame["user"] === "string" &&
    typeof frame["handle"] === "string" &&
    typeof frame["text"] === "string"
  );
}

/** The JSON object in some bytes, or undefined. */
export function objectOf(payload: Buffer | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
