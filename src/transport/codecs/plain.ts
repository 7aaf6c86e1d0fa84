import type { Codec } from "../../chat/connection.ts";
import { SYSTEM_HANDLE } from "../../chat/text/handle.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Entry } from "../../store/store.ts";
import { textFrame } from "../websocket/text-frame.ts";

/** A plain client has no such frame. */
const NOTHING = Buffer.alloc(0);

/** The differences between the plain protocols. */
interface Dialect {
  readonly name: string;
  /** The key of the handle. */
  readonly handleKey: "handle" | "username";
  /** Whether its pages insert values as HTML and rely on the server to escape them. */
  readonly escapes: boolean;
  /** Whether messages consist of handle and text only. */
  readonly bare: boolean;
}

/** `/ws` without a subprotocol: the whole message frame, not escaped: its clients escape. */
export const PLAIN_CODEC = plainCodec({ name: "plain", handleKey: "handle", escapes: false, bare: false });

/** `/`, for pages that know `{handle,text}` and insert HTML. */
export const HANDLE_CODEC = plainCodec({ name: "handle", handleKey: "handle", escapes: true, bare: true });

/** `/websocket`, for pages that know `{username,text}` and insert HTML. */
export const USERNAME_CODEC = plainCodec({
  name: "username",
  handleKey: "username",
  escapes: true,
  bare: true,
});

function plainCodec(dialect: Dialect): Codec {
  return {
    name: dialect.name,
    entry: (entry) => encodeEntry(dialect, entry),
    frame: (frame) => encodeFrame(dialect, frame),
    json: () => NOTHING,
  };
}

function encodeEntry({ handleKey, escapes, bare }: Dialect, { frame }: Entry): Buffer {
  const message: { type?: unknown; handle?: unknown; text?: unknown } = JSON.parse(frame.toString());
  if (message.type !== "message") return NOTHING;
  if (!bare) return textFrame(frame);
  const show = escapes ? escapeHtml : String;
  return encode({ [handleKey]: show(String(message.handle)), text: show(String(message.text)) });
}

function encodeFrame({ handleKey, escapes }: Dialect, frame: ServerFrame): Buffer {
  const sentence = sentenceOf(frame);
  if (sentence === undefined) return NOTHING;
  return encode({ ...frame, [handleKey]: SYSTEM_HANDLE, text: escapes ? escapeHtml(sentence) : sentence });
}

/** Returns the text of a frame for a user; undefined if plain clients do not get it. */
function sentenceOf(frame: ServerFrame): string | undefined {
  switch (frame.type) {
    case "error":
      return frame.message;
    case "notice":
      return frame.text;
    case "status":
      return frame.live ? "The chat is back." : `The chat cannot be reached right now: ${frame.reason}.`;
    default:
      return undefined;
  }
}

function encode(frame: object): Buffer {
  return textFrame(Buffer.from(JSON.stringify(frame)));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Returns a text that a page may insert as HTML, in an element or a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
