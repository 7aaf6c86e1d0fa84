import type { Message } from "../../client/room/timeline.ts";

/** Messages of a batch that are read out; of more only the number is said. */
const READ_OUT = 3;
/** Code points of a text that is read out. */
const TEXT_LENGTH = 200;

/** What a screen reader is told about messages that came together. */
export function announcementOf(messages: readonly Pick<Message, "handle" | "text">[]): string {
  if (messages.length > READ_OUT) return `${messages.length} new messages`;
  return messages
    .map((message) => `${message.handle}: ${[...message.text].slice(0, TEXT_LENGTH).join("")}`)
    .join("\n");
}
