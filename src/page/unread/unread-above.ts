import { clockTime, dayName, isSameDay } from "../messages/dates.ts";
import type { UnreadCount } from "./unread-count.ts";

/** Unread messages above the window. */
export interface UnreadAbove extends UnreadCount {
  /**
   * When the first of them was stored, or else the last one that was read, in ms since 1970 UTC; undefined if
   * unknown.
   */
  readonly since: number | undefined;
}

/** Returns a text such as "73 new messages since 14:02". */
export function unreadAboveText({ count, hasMore, since }: UnreadAbove, now: number): string {
  const what = `${count}${hasMore ? "+" : ""} new ${count === 1 && !hasMore ? "message" : "messages"}`;
  if (since === undefined) return what;
  const day = dayName(since, now).replace("Yesterday", "yesterday");
  return `${what} since ${isSameDay(since, now) ? "" : `${day}, `}${clockTime(since)}`;
}
