/** The number of unread messages. */
export interface UnreadCount {
  readonly count: number;
  /** Whether there may be more than were counted, because older messages are not loaded. */
  readonly hasMore: boolean;
}

export const NONE_UNREAD: UnreadCount = { count: 0, hasMore: false };

export function addUnread(a: UnreadCount, b: UnreadCount): UnreadCount {
  return { count: a.count + b.count, hasMore: a.hasMore || b.hasMore };
}

/** Returns "7", "50+" or "99+"; an empty string for none. */
export function unreadCountText({ count, hasMore }: UnreadCount): string {
  if (count === 0) return "";
  return count > 99 ? "99+" : `${count}${hasMore ? "+" : ""}`;
}
