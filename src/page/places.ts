import { isRoom } from "../protocol.ts";

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
