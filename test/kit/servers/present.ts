import type { V1Client } from "../clients/v1-client.ts";

/** Who is in the room as this client was told: at its join, then by what came and went. */
export function presentFor(client: V1Client, room: string): { count: number; ids: string[] } {
  let count = 0;
  const ids = new Set<string>();
  for (const frame of client.frames) {
    if (frame.type === "joined" && frame.room === room) {
      count = frame.present.count;
      ids.clear();
      for (const { id } of frame.present.users) ids.add(id);
    } else if (frame.type === "presence" && frame.room === room) {
      count = frame.count;
      for (const { id } of frame.joined ?? []) ids.add(id);
      for (const id of frame.left ?? []) ids.delete(id);
    }
  }
  return { count, ids: [...ids].sort() };
}
