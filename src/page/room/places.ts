import { isRoom } from "../../protocol/ids.ts";

/** Says which room names are allowed. */
export const ROOM_RULE =
  "A room name has up to 64 characters: letters from a to z, digits, dots, hyphens and underscores.";
/** Characters of a room's name at most. */
const ROOM_LENGTH = 64;
/** UTF-16 code units of a text from which a room name is made, and that are shown, at most. */
const WRITTEN_LIMIT = 200;
const SHOWN_LIMIT = 40;

interface Place {
  readonly protocol: string;
  readonly host: string;
}

/** Returns the URL of the server's socket for the page's own address: wss under https, ws otherwise. */
export function socketUrl(place: Place): string {
  return `${place.protocol === "https:" ? "wss:" : "ws:"}//${place.host}/ws`;
}

/** Returns the room that a page's query names; undefined if it names none. */
export function roomOf(search: string): string | undefined {
  const room = new URLSearchParams(search).get("room");
  return room !== null && isRoom(room) ? room : undefined;
}

/**
 * Returns what a page's query has in place of a valid room name; undefined if it names a room, or is empty.
 */
export function noRoomOf(search: string): string | undefined {
  const room = new URLSearchParams(search).get("room")?.trim() ?? "";
  return room === "" || isRoom(room) ? undefined : room;
}

/**
 * Returns the allowed name nearest to what the user wrote: "Küche 2" gives "kuche-2"; undefined if nothing is
 * left.
 */
export function nearestRoom(written: string): string | undefined {
  const words = written
    .slice(0, WRITTEN_LIMIT)
    .normalize("NFKD")
    .replaceAll("ß", "ss")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .split(/[^a-z0-9._]/)
    .filter((word) => word !== "");
  const name = words
    .join("-")
    .replace(/^[._-]+/, "")
    .slice(0, ROOM_LENGTH);
  return isRoom(name) ? name : undefined;
}

/** Returns a sentence that says that a text is not a room name. */
export function noRoomText(written: string): string {
  const shown = written.length > SHOWN_LIMIT ? `${written.slice(0, SHOWN_LIMIT)}…` : written;
  return `“${shown}” is not a room name. ${ROOM_RULE}`;
}

/** Returns the link to a room, for the address bar and for sharing. */
export function roomLink(room: string): string {
  return `/?room=${encodeURIComponent(room)}`;
}

/** Returns what the user typed as a valid room name; undefined if it is none. */
export function roomName(typed: string): string | undefined {
  const name = typed
    .trim()
    .replace(/^#+\s*/, "")
    .replaceAll(/\s+/g, "-");
  return isRoom(name) ? name : undefined;
}
