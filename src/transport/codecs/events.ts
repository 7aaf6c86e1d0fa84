import type { Codec } from "../../chat/connection.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Entry } from "../../store/store.ts";

/**
 * Server-sent events (WHATWG HTML, section 9.2). A stored entry is an event without a name, which every
 * reader gets, with the entry's id: the browser sends that back as Last-Event-ID. Every other event is named
 * by the type of its frame.
 */
export const EVENT_CODEC: Codec = { name: "events", entry: entryEvent, frame: frameEvent, json: jsonEvent };

/** A comment, which keeps a stream from being idle and which readers ignore. */
export const COMMENT = Buffer.from(":\n\n");

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const END = Buffer.from("\n\n");

function entryEvent({ id, frame }: Entry): Buffer {
  return Buffer.concat([Buffer.from(`id: ${id}\ndata: `), oneLine(frame), END]);
}

function frameEvent(frame: ServerFrame): Buffer {
  // After `joined` a reader has everything up to the head: a stream continues from there, also in a room
  // without messages.
  const id = frame.type === "joined" ? `id: ${frame.head}\n` : "";
  return Buffer.from(`event: ${frame.type}\n${id}data: ${JSON.stringify(frame)}\n\n`);
}

function jsonEvent(payload: Buffer): Buffer {
  const { type }: { type: string } = JSON.parse(payload.toString());
  return Buffer.concat([Buffer.from(`event: ${type}\ndata: `), oneLine(payload), END]);
}

/** Returns JSON in one line: JSON may have several lines, and a line end would end the event. */
function oneLine(json: Buffer): Buffer {
  if (!json.includes(LINE_FEED) && !json.includes(CARRIAGE_RETURN)) return json;
  return Buffer.from(JSON.stringify(JSON.parse(json.toString())));
}
