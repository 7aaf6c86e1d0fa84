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

/** The last letter of a field in SHAPES says what it must be. */
const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  $: (value) => typeof value === "string",
  "#": (value) => typeof value === "number",
  "?": (value) => typeof value === "boolean",
  "@": (value) => typeof value === "string" && isMessageId(value),
  "}": isFields,
  "%": (value) => isFields(value) && has(value, "id$ handle$"),
  "]": (value) => Array.isArray(value) && value.every(isEntry),
};

const PLACE = "id@ prev@";

/** What this client reads of each frame; one that lacks it is not acted on. */
const SHAPES: Readonly<Record<ServerFrame["type"], string>> = {
  welcome: "user% limits}",
  joined: "room$ head$ recovered? messages] present}",
  ack: "ref# key$ id$",
  history: "ref# messages]",
  message: `${PLACE} room$ user$ handle$ text$`,
  removed: `${PLACE} room$ target$`,
  edited: `${PLACE} room$ target$ text$`,
  ok: "ref#",
  pong: "ref#",
  error: "code$ message$",
  presence: "room$ count#",
  typing: "room$ user$ handle$ on?",
  notice: "text$",
  status: "live?",
  restart: "reconnectInMs#",
  expiring: "",
  ping: "",
};

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function has(frame: Fields, shape: string): boolean {
  return shape
    .split(" ")
    .every((field) => field === "" || KINDS[field.slice(-1)]?.(frame[field.slice(0, -1)]) === true);
}

/** Of a type that this version does not know, only the place in the log is read. */
function isEntry(value: unknown): boolean {
  return isFields(value) && has(value, PLACE) && (!isKnown(value["type"]) || isServerFrame(value));
}

function isKnown(type: unknown): type is ServerFrame["type"] {
  return typeof type === "string" && Object.hasOwn(SHAPES, type);
}

function isServerFrame(frame: Fields): frame is Fields & ServerFrame {
  return isKnown(frame["type"]) && has(frame, SHAPES[frame["type"]]);
}

function isPlaced(frame: Fields): frame is Fields & Omit<UnknownEntry, "type"> {
  return has(frame, `${PLACE} room$`);
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
  if (isKnown(frame["type"]) || !isPlaced(frame)) return undefined;
  const { id, prev, room } = frame;
  return { type: "unknown", id, prev, room };
}
