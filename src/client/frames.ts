import type {
  AccessListFrame,
  ClientFrame,
  EntryFrame,
  ErrorFrame,
  ModerationRequest,
  ReportRequest,
  ServerFrame,
} from "../protocol/frames.ts";
import { isMessageId } from "../protocol/ids.ts";

/** An entry of a room, also one of a type that this version does not know, which moves the cursor as well. */
export type Entry = EntryFrame | UnknownEntry;

/** An entry of a type that this version does not know; the server may have sent any string. */
export interface UnknownEntry {
  readonly type: "unknown";
  readonly ref?: undefined;
  readonly id: string;
  readonly prev: string;
  readonly room: string;
}

/** The frames that this client reads: those that answer requests of moderators it does not. */
export type Incoming = Exclude<ServerFrame, AccessListFrame> | UnknownEntry;

/** The fields of a refusal that the client reads. */
export type Refused = Pick<ErrorFrame, "message" | "retryable" | "retryAfterMs"> & { readonly code?: string };

/** Replaces an answer that does not fit the request, which is repeated later. */
export const NO_ANSWER: Refused = { message: "", retryable: true };

type Fields = Readonly<Record<string, unknown>>;

/** The kind of a field in SHAPES by its last character; a field without one is a string. */
const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "#": (value) => typeof value === "number",
  "?": (value) => typeof value === "boolean",
  "@": (value) => typeof value === "string" && isMessageId(value),
  "}": isFields,
  "%": (value) => has(value, "id handle"),
  "]": (value) => Array.isArray(value) && value.every((each) => has(each, PLACE) && isFrame(each)),
};

const PLACE = "id@ prev@ room";

/** Frames that this client sends. */
export type SentFrame = Exclude<ClientFrame, ModerationRequest | ReportRequest>;

/** Frames that this client does not read: it moderates nothing, and any entry moves the cursor. */
type NotRead = "access" | "access-list";

/** The fields of each frame that this client reads; a frame that lacks one is ignored. */
const SHAPES: Readonly<Record<Exclude<ServerFrame["type"], NotRead>, string>> = {
  welcome: "user% limits}",
  joined: "room head recovered? messages] present}",
  ack: "ref# key id",
  history: "ref# messages]",
  message: `${PLACE} user handle text`,
  removed: `${PLACE} target`,
  edited: `${PLACE} target text`,
  ok: "ref#",
  pong: "ref#",
  error: "code message",
  presence: "room count#",
  typing: "room user handle on?",
  notice: "text",
  left: "room reason",
  right: "room",
  status: "live?",
  restart: "reconnectInMs#",
  expiring: "type",
  ping: "type",
};

const SHAPE_OF: ReadonlyMap<unknown, string> = new Map(Object.entries(SHAPES));

function isFields(value: unknown): value is Fields {
  return value instanceof Object;
}

function has(value: unknown, shape: string): boolean {
  return (
    isFields(value) &&
    shape.split(" ").every((field) => {
      const is = KINDS[field.slice(-1)];
      return is ? is(value[field.slice(0, -1)]) : typeof value[field] === "string";
    })
  );
}

/**
 * Returns whether a value is a known frame, or an entry of an unknown type, of which only the position in the
 * room is read.
 */
function isFrame(value: unknown): value is Incoming {
  return isFields(value) && has(value, SHAPE_OF.get(value["type"]) ?? PLACE);
}

/** Parses a frame from the server; returns undefined if it is none, or means nothing to this version. */
export function readFrame(data: unknown): Incoming | undefined {
  try {
    const frame: unknown = JSON.parse(String(data));
    if (isFrame(frame)) return frame;
  } catch {
    // Not JSON.
  }
  return undefined;
}
