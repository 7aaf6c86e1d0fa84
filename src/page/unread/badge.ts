import { countedIcon, pageTitle } from "./counted-title.ts";
import type { UnreadCount } from "./unread-count.ts";

/** The icon's address in the document; it has a hash of its content, so the script does not know it. */
let plainIcon: string | undefined;

/** Shows the room and the unread count in the window's title and icon. */
export function showBadge(room: string, unread: UnreadCount): void {
  document.title = pageTitle(room, unread);
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (icon === null) return;
  const shown = icon.getAttribute("href") ?? "";
  plainIcon ??= shown;
  const href = countedIcon(unread, plainIcon);
  if (shown !== href) icon.href = href;
}
