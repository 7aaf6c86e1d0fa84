import { isRoomPattern, RoomPatterns } from "../chat/rights/room-patterns.ts";
import type { RoomRights } from "../chat/rights/room-rights.ts";
import { isRight, type Right } from "../protocol/rights.ts";

/** A key, in the characters of a bearer token (RFC 6750, section 2.1). */
const KEY = /^[A-Za-z0-9._~+/=-]{16,}$/;

/** The name of a program: with `p-` before it, a user id. */
const NAME = /^[A-Za-z0-9_-]{1,62}$/;

/** The right of a program that may see the state of the server. */
const OPERATE = "operate";

/** One item of API_KEYS. */
export interface ProgramKey {
  readonly key: string;
  /** The program's name, so that its key can be replaced; undefined = none was given. */
  readonly name: string | undefined;
  readonly rooms: RoomRights;
  /** Whether it may see the state of the server: `/status`, and `/metrics` where that needs a key. */
  readonly mayOperate: boolean;
}

/** What a key without a name and rights may do: write everywhere. */
const UNNAMED = { name: undefined, rooms: new RoomPatterns([["*", "write" as const]]), mayOperate: true };

/** What an item of API_KEYS may be, as the end of the sentence "it must be …". */
export const PROGRAM_KEY_RULE =
  "at least 16 of A-Z a-z 0-9 . _ ~ + / = - or, for a program with a name and rights of its own, name:key:rights such as bot:0123456789abcdef:write@support-*+read@lobby (rights: none, read, write and moderate, and operate without a room)";

/** Reads `key`, or `name:key:right@pattern+right@pattern`; undefined if it is neither. */
export function readProgramKey(text: string): ProgramKey | undefined {
  const [name = "", key = "", rights = "", ...more] = text.split(":");
  if (!text.includes(":")) return KEY.test(text) ? { ...UNNAMED, key: text } : undefined;
  if (more.length > 0 || !NAME.test(name) || !KEY.test(key)) return undefined;
  const items = rights.split("+");
  const rooms = new Map<string, Right>();
  for (const item of items.filter((each) => each !== OPERATE)) {
    const [right, pattern = "", ...rest] = item.split("@");
    if (rest.length > 0 || !isRight(right) || !isRoomPattern(pattern) || rooms.has(pattern)) return undefined;
    rooms.set(pattern, right);
  }
  return { key, name, rooms: new RoomPatterns(rooms), mayOperate: items.includes(OPERATE) };
}
