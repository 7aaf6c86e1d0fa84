import { isUtf8 } from "node:buffer";
import { isMessageId } from "../../protocol/ids.ts";
import type { AccessChange } from "../../store/access.ts";
import { looksLikeEntry } from "../../store/entry.ts";
import type { Entry } from "../../store/store.ts";

/**
 * Returns the entry in a payload that came on a room's channel or from the store; undefined if it is not
 * valid. Clients get these bytes, so all of them are checked, once per message and process: they must be
 * valid UTF-8 (a client must close its connection over anything else) and one JSON object, of this room, with
 * the fields that its type requires. An access entry must come with its change: without it, the rule would not
 * be made.
 */
export function checkedEntry(room: string, payload: Buffer, access?: AccessChange): Entry | undefined {
  if (!looksLikeEntry(payload) || !isUtf8(payload)) return undefined;
  // One character per byte: the fields that are checked here are ASCII, and whether the text is JSON does not
  // depend on the rest.
  const text = payload.toString("latin1");
  const frame = objectOf(text);
  if (frame === undefined) return undefined;
  const { id, prev } = frame;
  if (typeof id !== "string" || typeof prev !== "string" || !isMessageId(id) || !isMessageId(prev)) {
    return undefined;
  }
  if (frame["room"] !== room || !isWhole(frame)) return undefined;
  // JSON.parse takes the last "id" of an object; readers of the first bytes must see the same one.
  if (!text.startsWith(`{"id":"${id}","prev":"${prev}",`)) return undefined;
  if (access !== undefined) return { id, prev, frame: payload, access };
  return frame["type"] === "access" ? undefined : { id, prev, frame: payload };
}

function isWhole(frame: Readonly<Record<string, unknown>>): boolean {
  if (frame["type"] !== "message") return typeof frame["type"] === "string";
  return (
    typeof frame["user"] === "string" &&
    typeof frame["handle"] === "string" &&
    typeof frame["text"] === "string"
  );
}

/** Returns the JSON object that a payload consists of; undefined if it is no JSON object. */
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
