import type { Message } from "../../client/room/timeline.ts";
import { compareIds } from "../../protocol/ids.ts";

type Read = Pick<Message, "id" | "prev" | "user" | "withdrawn">;

/** The unread messages of a room, as far as its messages are loaded. */
export interface Unread<M> {
  /** Messages of others after the last id that was read, oldest first. */
  readonly messages: readonly M[];
  /**
   * Unread messages before those: `nothing`; perhaps `more`, on the server; or `gone`, because the server no
   * longer keeps them.
   */
  readonly before: "nothing" | "more" | "gone";
}

const NOTHING = { messages: [], before: "nothing" } as const;

/**
 * Returns what is unread after the id `read`. If nothing was read, as on a first visit, nothing counts as
 * unread.
 */
export function unreadOf<M extends Read>(
  room: { readonly messages: readonly M[]; readonly hasOlder: boolean },
  read: string | undefined,
  self: string | undefined,
): Unread<M> {
  const { messages, hasOlder } = room;
  const oldest = messages[0];
  if (read === undefined || oldest === undefined) return NOTHING;
  const readHere = messages.findLastIndex((message) => compareIds(message.id, read) <= 0) + 1;
  if (readHere === messages.length) return NOTHING;
  const isReached = readHere > 0 || compareIds(oldest.prev, read) <= 0;
  return {
    messages: messages.slice(readHere).filter((message) => message.user !== self && !message.withdrawn),
    before: isReached ? "nothing" : hasOlder ? "more" : "gone",
  };
}
