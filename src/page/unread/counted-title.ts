import { type UnreadCount, unreadCountText } from "./unread-count.ts";

/**
 * Returns the address of the icon with a number in it, or `plain` for none. A data: address, because there is
 * one icon per number.
 */
export function countedIcon(unread: UnreadCount, plain: string): string {
  const number = unreadCountText(unread);
  if (number === "") return plain;
  const size = number.length > 2 ? 13 : 18;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#f2bd4b"/>` +
    `<text x="16" y="${16 + size * 0.36}" text-anchor="middle" font-family="sans-serif" font-weight="700" ` +
    `font-size="${size}" fill="#38230a">${number}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Returns the window's title. The unread count comes first, because tabs are narrow. */
export function pageTitle(room: string, unread: UnreadCount): string {
  const number = unreadCountText(unread);
  return `${number === "" ? "" : `(${number}) `}${room} · dynochat`;
}
