import { type EntryFrame, isMessageId, type ServerFrame } from "../protocol.ts";

/** An entry of a log, also one of a type that this version does not know: it moves the cursor all the same. */
export type Entry = EntryFrame | UnknownEntry;

export interface UnknownEntry {
  readonly type: "unknown";
  readonly id: string;
  readonly prev: string;
  readonly room: string;
}

export type Incoming = ServerFrame | UnknownEntry;

type Fields = Readonly<Record<string, unknown>>;
type Check = (frame: Fields) => boolean;

const number = (value: unknown): boolean => typeof value === "number";
const text = (value: unknown): boolean => typeof value === "string";
const flag = (value: unknown): boolean => typeof value === "boolean";

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEntry(value: unknown): boolean {
  if (!isFields(value)) return false;
  // Of a type that this version does not know, only the place in the log is read.
  return isKnown(value) ? isServerFrame(value) && hasPlace(value) : hasPlace(value);
}

function hasPlace(frame: Fields): boolean {
  const { id, prev } = frame;
  return typeof id === "string" && isMessageId(id) && typeof prev === "string" && isMessageId(prev);
}

const entries = (value: unknown): boolean => Array.isArray(value) && value.every(isEntry);

/** What this client reads of each frame; one that lacks it is not acted on. */
const CHECKS: Readonly<Record<ServerFrame["type"], Check>> = {
  welcome: (f) =>
    isFields(f["user"]) && text(f["user"]["id"]) && text(f["user"]["handle"]) && isFields(f["limits"]),
  joined: (f) =>
    text(f["room"]) &&
    text(f["head"]) &&
    flag(f["recovered"]) &&
    entries(f["messages"]) &&
    isFields(f["present"]),
  ack: (f) => number(f["ref"]) && text(f["key"]) && text(f["id"]),
  history: (f) => number(f["ref"]) && entries(f["messages"]),
  message: (f) => hasPlace(f) && text(f["room"]) && text(f["user"]) && text(f["handle"]) && text(f["text"]),
  removed: (f) => hasPlace(f) && text(f["room"]) && text(f["target"]),
  edited: (f) => hasPlace(f) && text(f["room"]) && text(f["target"]) && text(f["text"]),
  ok: (f) => number(f["ref"]),
  pong: () => true,
  error: (f) => text(f["code"]) && text(f["message"]),
  presence: (f) => text(f["room"]) && number(f["count"]),
  typing: (f) => text(f["room"]) && text(f["user"]) && text(f["handle"]) && flag(f["on"]),
  notice: (f) => text(f["text"]),
  status: (f) => flag(f["live"]),
  restart: (f) => number(f["reconnectInMs"]),
  expiring: () => true,
  ping: () => true,
};

function isKnown(frame: Fields): boolean {
  const { type } = frame;
  return typeof type === "string" && Object.hasOwn(CHECKS, type);
}

function isServerFrame(frame: unknown): frame is ServerFrame {
  if (!isFields(frame)) return false;
  for (const [type, holds] of Object.entries(CHECKS)) {
    if (frame["type"] === type) return holds(frame);
  }
  return false;
}

/** Reads one frame from the server; undefined for what is none, or says nothing to this version. */
export function readFrame(data: unknown): Incoming | undefined {
  if (typeof data !== "string") return undefined;
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!isFields(frame)) return undefined;
  if (isServerFrame(frame)) return frame;
  const { id, prev, room } = frame;
  if (isKnown(frame) || !hasPlace(frame)) return undefined;
  if (typeof id !== "string" || typeof prev !== "string" || typeof room !== "string") return undefined;
  return { type: "unknown", id, prev, room };
}
