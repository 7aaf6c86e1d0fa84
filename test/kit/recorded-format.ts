import { readFile } from "node:fs/promises";
import type { Redis } from "ioredis";
import { compareIds, timeOf } from "../../src/protocol/ids.ts";

/** One frame of a conversation, as it went over the wire. */
export interface RecordedFrame {
  readonly from: "client" | "server";
  readonly frame: Readonly<Record<string, unknown>>;
}

/** What a version of the program wrote: to Redis, to its channels, to a client, and what that client wrote. */
export interface RecordedFormat {
  readonly version: string;
  /** By key: entries of streams, fields of hashes, strings, members of sorted sets. */
  readonly streams: Readonly<Record<string, readonly (readonly [id: string, fields: readonly string[]])[]>>;
  readonly hashes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly strings: Readonly<Record<string, string>>;
  readonly sortedSets: Readonly<Record<string, readonly (readonly [member: string, score: number])[]>>;
  readonly published: readonly { readonly channel: string; readonly payload: string }[];
  readonly conversation: readonly RecordedFrame[];
}

/** How long before now the newest entry was stored, once it is read as of now, ms. */
const AGE_MS = 5_000;

/** For what would have ended by itself, ms. */
const KEPT_MS = 600_000;

const ID = /\b(\d{13})-(\d+)\b/g;

/**
 * The format of a version, as if it had been recorded a moment ago: every id is moved to now, because a process keeps
 * to what it promised for ten minutes, and the file is older.
 */
export async function readFormat(version: string): Promise<RecordedFormat> {
  const text = await readFile(new URL(`../fixtures/format-${version}.json`, import.meta.url), "utf8");
  const ids = [...text.matchAll(ID)].map(([id]) => id).sort(compareIds);
  const delta = Date.now() - AGE_MS - timeOf(ids.at(-1) ?? "0-0");
  const format: RecordedFormat = JSON.parse(
    text.replaceAll(ID, (_, ms: string, number: string) => `${Number(ms) + delta}-${number}`),
  );
  const sortedSets = Object.fromEntries(
    Object.entries(format.sortedSets).map(([key, members]) => [
      key,
      members.map(([member, score]) => [member, score + delta] as const),
    ]),
  );
  return { ...format, sortedSets };
}

/** Writes what the version had in Redis. */
export async function restoreFormat(redis: Redis, format: RecordedFormat): Promise<void> {
  for (const [key, entries] of Object.entries(format.streams))
    for (const [id, fields] of entries) await redis.xadd(key, id, ...fields);
  for (const [key, fields] of Object.entries(format.hashes)) await redis.hset(key, fields);
  for (const [key, value] of Object.entries(format.strings)) await redis.set(key, value, "PX", KEPT_MS);
  for (const [key, members] of Object.entries(format.sortedSets))
    for (const [member, score] of members) await redis.zadd(key, score, member);
}

/** Everything that stands in Redis, in the form of the record. */
export async function dumpFormat(
  redis: Redis,
): Promise<Pick<RecordedFormat, "streams" | "hashes" | "strings" | "sortedSets">> {
  const dump = {
    streams: {} as Record<string, [string, string[]][]>,
    hashes: {} as Record<string, Record<string, string>>,
    strings: {} as Record<string, string>,
    sortedSets: {} as Record<string, [string, number][]>,
  };
  for (const key of (await redis.keys("*")).sort()) {
    const type = await redis.type(key);
    if (type === "stream") dump.streams[key] = await redis.xrange(key, "-", "+");
    else if (type === "hash") dump.hashes[key] = await redis.hgetall(key);
    else if (type === "string") dump.strings[key] = (await redis.get(key)) ?? "";
    else if (type === "zset") {
      const flat = await redis.zrange(key, "0", "-1", "WITHSCORES");
      dump.sortedSets[key] = Array.from({ length: flat.length / 2 }, (_, n) => [
        flat[2 * n] ?? "",
        Number(flat[2 * n + 1]),
      ]);
    } else throw new Error(`${key} is a ${type}, of which the record knows nothing`);
  }
  return dump;
}
