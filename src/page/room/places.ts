import { isRoom } from "../../protocol/ids.ts";

/** What a room's name may be. */
export const ROOM_RULE =
  "Room names have letters from a to z, digits, dots, hyphens and underscores; up to 64.";
/** Letters of a room's name. */
const ROOM_LENGTH = 64;
/** UTF-16 code units of which a name is made, and that are shown. */
const WRITTEN_LIMIT = 200;
const SHOWN_LIMIT = 40;

interface Place {
  readonly protocol: string;
  readonly host: string;
}

/** The server's socket, by the page's own address: wss under https, ws otherwise. */
export function socketUrl(place: Place): string {
  return `${place.protocol === "https:" ? "wss:" : "ws:"}//${place.host}/ws`;
}

/** The room that a page's query names; undefined if it names none. */
export function roomOf(search: string): string | undefined {
  const room = new URLSearchParams(search).get("room");
  return room !== null && isRoom(room) ? room : undefined;
}

/** What a page's query gives for a room's name, and is none; undefined if it names a room, or gives nothing. */
export function noRoomOf(search: string): string | undefined {
  const room = new URLSearchParams(search).get("room")?.trim() ?? "";
  return room === "" || isRoom(room) ? undefined : room;
}

/** The allowed name that is nearest to what somebody wrote: "Küche 2" gives "kuche-2". Undefined if nothing is left. */
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

/** Says that something is not a room's name. */
export function noRoomText(written: string): string {
  const shown = written.length > SHOWN_LIMIT ? `${written.slice(0, SHOWN_LIMIT)}…` : written;
  return `“${shown}” is not a room name. ${ROOM_RULE}`;
}

/** The link to a room, to put into the address line and to hand on. */
export function roomLink(room: string): string {
  return `/?room=${encodeURIComponent(room)}`;
}

/** What people type as a room's name, as a name that a room can have; undefined if there is none in it. */
export function roomName(typed: string): string | undefined {
  const name = typed
    .trim()
    .replace(/^#+\s*/, "")
    .replaceAll(/\s+/g, "-");
  return isRoom(name) ? name : undefined;
}
