import type { Message } from "../../client/room/timeline.ts";

/** Messages of a batch that are read out at most; of a larger batch only their number. */
const READ_OUT = 3;
/** Code points of a text that are read out at most. */
const TEXT_LENGTH = 200;

/** Returns what a screen reader announces about messages that arrived together. */
export function announcementOf(messages: readonly Pick<Message, "handle" | "text">[]): string {
  if (messages.length > READ_OUT) return `${messages.length} new messages`;
  return messages
    .map((message) => `${message.handle}: ${[...message.text].slice(0, TEXT_LENGTH).join("")}`)
    .join("\n");
}
