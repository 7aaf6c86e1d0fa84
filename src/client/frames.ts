import type { EntryFrame, ErrorFrame, ServerFrame } from "../protocol/frames.ts";
import { isMessageId } from "../protocol/ids.ts";

/** An entry of a log, also one of a type that this version does not know: it moves the cursor all the same. */
export type Entry = EntryFrame | UnknownEntry;

/** `type` stands for whatever the server wrote there; it is none that this version knows. */
export interface UnknownEntry {
  readonly type: "unknown";
  readonly ref?: undefined;
  readonly id: string;
  readonly prev: string;
  readonly room: string;
}

export type Incoming = ServerFrame | UnknownEntry;

/** What is read of a refusal. */
export type Refused = Pick<ErrorFrame, "message" | "retryable" | "retryAfterMs"> & { readonly code?: string };

/** Stands for an answer that is none to what was asked: it is asked again later. */
export const NO_ANSWER: Refused = { message: "", retryable: true };

type Fields = Readonly<Record<string, unknown>>;

/** What the last letter of a field in SHAPES says of it; one without is a string. */
const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "#": (value) => typeof value === "number",
  "?": (value) => typeof value === "boolean",
  "@": (value) => typeof value === "string" && isMessageId(value),
  "}": isFields,
  "%": (value) => has(value, "id handle"),
  "]": (value) => Array.isArray(value) && value.every((each) => has(each, PLACE) && isFrame(each)),
};

const PLACE = "id@ prev@ room";

/** What this client reads of each frame; one that lacks it is not acted on. */
const SHAPES: Readonly<Record<ServerFrame["type"], string>> = {
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

/** Of a type that this version does not know, only the place in the log is read. */
function isFrame(value: unknown): value is Incoming {
  return isFields(value) && has(value, SHAPE_OF.get(value["type"]) ?? PLACE);
}

/** Reads one frame from the server; undefined for what is none, or says nothing to this version. */
export function readFrame(data: unknown): Incoming | undefined {
  try {
    const frame: unknown = JSON.parse(String(data));
    if (isFrame(frame)) return frame;
  } catch {
    // No JSON.
  }
  return undefined;
}
