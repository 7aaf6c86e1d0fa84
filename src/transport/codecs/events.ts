import type { Codec } from "../../chat/connection.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Entry } from "../../store/store.ts";

/**
 * Server-sent events (WHATWG HTML, section 9.2). A stored entry is an event without a name, which every reader sees, and its
 * id is the event's: the browser sends it back as Last-Event-ID. Everything else has its frame's type for a name.
 */
export const EVENT_CODEC: Codec = { name: "events", entry: entryEvent, frame: frameEvent, json: jsonEvent };

/** A sign of life that no reader sees. */
export const COMMENT = Buffer.from(":\n\n");

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const END = Buffer.from("\n\n");

function entryEvent({ id, frame }: Entry): Buffer {
  return Buffer.concat([Buffer.from(`id: ${id}\ndata: `), oneLine(frame), END]);
}

function frameEvent(frame: ServerFrame): Buffer {
  // Who joined has everything up to the head: from there a stream goes on, also where nothing was ever said.
  const id = frame.type === "joined" ? `id: ${frame.head}\n` : "";
  return Buffer.from(`event: ${frame.type}\n${id}data: ${JSON.stringify(frame)}\n\n`);
}

function jsonEvent(payload: Buffer): Buffer {
  const { type }: { type: string } = JSON.parse(payload.toString());
  return Buffer.concat([Buffer.from(`event: ${type}\ndata: `), oneLine(payload), END]);
}

/** JSON may be written on several lines, and a line end would end the event. */
function oneLine(json: Buffer): Buffer {
  if (!json.includes(LINE_FEED) && !json.includes(CARRIAGE_RETURN)) return json;
  return Buffer.from(JSON.stringify(JSON.parse(json.toString())));
}
