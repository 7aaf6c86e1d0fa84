import { isRight, type Right } from "../../protocol/rights.ts";
import { isRoomPattern, RoomPatterns } from "./room-patterns.ts";

/** Rights by patterns of rooms, as a token's claim `rooms` or a program's key names them. */
export type RoomRights = RoomPatterns<Right>;

/** Reads the rights of an object such as `{"support-17":"write","team-*":"read"}`; undefined if it is none. */
export function readRoomRights(value: unknown): RoomRights | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries: [pattern: string, right: Right][] = [];
  for (const [pattern, right] of Object.entries(value)) {
    if (!isRoomPattern(pattern) || !isRight(right)) return undefined;
    entries.push([pattern, right]);
  }
  return new RoomPatterns(entries);
}
