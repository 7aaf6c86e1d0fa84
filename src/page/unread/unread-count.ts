/** How much is unread. */
export interface UnreadCount {
  readonly count: number;
  /** There may be more than were counted: older messages are not loaded. */
  readonly hasMore: boolean;
}

export const NONE_UNREAD: UnreadCount = { count: 0, hasMore: false };

export function addUnread(a: UnreadCount, b: UnreadCount): UnreadCount {
  return { count: a.count + b.count, hasMore: a.hasMore || b.hasMore };
}

/** "7", "50+" or "99+"; empty for none. */
export function unreadCountText({ count, hasMore }: UnreadCount): string {
  if (count === 0) return "";
  return count > 99 ? "99+" : `${count}${hasMore ? "+" : ""}`;
}
