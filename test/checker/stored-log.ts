import type { Redis } from "ioredis";
import { type AccessChange, decodeAccessChange } from "../../src/store/access.ts";
import { Keys } from "../../src/store/redis/keys.ts";

/** An entry as it stands in a room's stream. */
export interface StoredEntry {
  readonly id: string;
  readonly prev: string;
  readonly type: string;
  readonly user: string;
  readonly key: string;
  readonly text: string;
  /** The frame as it was published. */
  readonly frame: string;
  /** The change of an access entry. */
  readonly access?: AccessChange;
}

/** The prefix of a program that is given none. */
export const KEYS = new Keys("dynochat:");

/** A room's whole log, past every line of the program under test. Rejects if an entry is no message. */
export async function readLog(redis: Redis, room: string): Promise<StoredEntry[]> {
  const entries = await redis.xrange(KEYS.log(room), "-", "+");
  return entries.map(([id, fields]) => parse(id, fields));
}

function parse(id: string, fields: readonly string[]): StoredEntry {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] ?? "", fields[i + 1] ?? "");
  const prev = values.get("p") ?? "";
  const frame = `{"id":"${id}","prev":"${prev}",${values.get("b") ?? ""}`;
  const { type, user, key, text }: Readonly<Record<string, unknown>> = JSON.parse(frame);
  const access = decodeAccessChange(values.get("a") ?? "");
  const stored = {
    id,
    prev,
    type: String(type),
    user: String(user),
    key: String(key),
    text: String(text),
    frame,
  };
  return access === undefined ? stored : { ...stored, access };
}
