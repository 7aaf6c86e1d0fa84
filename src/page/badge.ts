import { countedIcon, pageTitle } from "./counted-title.ts";

/** Shows the room and what is unread in the window's title and icon. */
export function showBadge(room: string, unread: number): void {
  document.title = pageTitle(room, unread);
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const href = countedIcon(unread);
  if (icon !== null && icon.getAttribute("href") !== href) icon.href = href;
}
