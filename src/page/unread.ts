import type { Message } from "../client/timeline.ts";
import { compareIds } from "../protocol.ts";

type Read = Pick<Message, "id" | "user" | "withdrawn">;

/**
 * The messages of others behind the last id that was read, oldest first. Where nothing was read, as on a first visit,
 * nothing counts as unread.
 */
export function unreadOf<M extends Read>(
  messages: readonly M[],
  read: string | undefined,
  self: string | undefined,
): readonly M[] {
  if (read === undefined) return [];
  const behind = messages.length - 1 - messages.findLastIndex((message) => compareIds(message.id, read) <= 0);
  return behind === 0
    ? []
    : messages.slice(-behind).filter((message) => message.user !== self && !message.withdrawn);
}
