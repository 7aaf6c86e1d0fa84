import type { RoomLookup } from "./spelling.ts";

/** Milliseconds after which the page continues without an answer. */
const TIMEOUT_MS = 2_000;

/** Asks the server by HTTP, before there is a connection. */
export const roomLookup: RoomLookup = {
  listed: async () => {
    const rooms = await listIn("/api/rooms", "rooms");
    return rooms.flatMap((each) => (hasRoom(each) ? [each.room] : []));
  },
  hasMessages: async (room) => {
    const messages = await listIn(`/api/rooms/${encodeURIComponent(room)}/messages?limit=1`, "messages");
    return messages.length > 0;
  },
};

async function listIn(path: string, field: string): Promise<readonly unknown[]> {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body: unknown = await response.json();
  const list: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined;
  if (!response.ok || !Array.isArray(list)) throw new Error(`${path}: ${response.status}`);
  return list;
}

function hasRoom(value: unknown): value is { readonly room: string } {
  return typeof value === "object" && value !== null && "room" in value && typeof value.room === "string";
}
