import type { GetToken } from "../../client/connection/greeting.ts";
import type { RoomLookup } from "./spelling.ts";

/** Milliseconds after which the page continues without an answer. */
const TIMEOUT_MS = 4_000;

/**
 * Asks the server by HTTP, before there is a connection.
 * @param getToken returns the site's token of the user, whom rooms may be closed to without it.
 */
export function roomLookup(getToken: GetToken | undefined): RoomLookup {
  return {
    listed: async () => {
      const rooms = await listIn("/api/rooms", "rooms", getToken);
      return rooms.flatMap((each) => (hasRoom(each) ? [each.room] : []));
    },
    hasMessages: async (room) => {
      const path = `/api/rooms/${encodeURIComponent(room)}/messages?limit=1`;
      return (await listIn(path, "messages", getToken)).length > 0;
    },
  };
}

async function listIn(
  path: string,
  field: string,
  getToken: GetToken | undefined,
): Promise<readonly unknown[]> {
  const token = await getToken?.();
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body: unknown = await response.json();
  const list: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined;
  if (!response.ok || !Array.isArray(list)) throw new Error(`${path}: ${response.status}`);
  return list;
}

function hasRoom(value: unknown): value is { readonly room: string } {
  return typeof value === "object" && value !== null && "room" in value && typeof value.room === "string";
}
