import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { BEGINNING, isMessageId } from "../../../protocol/ids.ts";
import { type AccessChange, decodeAccessChange } from "../../access.ts";
import { newestFirst } from "../../memory/newest-first.ts";
import type { Entry, ReadLimit, RoomHead } from "../../store.ts";
import { isWrongType } from "../errors.ts";
import type { Keys } from "../keys.ts";

/** Entries per read. The largest, 100 texts of 2,000 escaped code points, are about 2 MB. */
const PAGE = 100;
/** Rooms per read of newest entries. */
const HEADS = 500;

/** An unchecked entry of XRANGE: id, then field, value, field, value, … */
type RawEntry = [id: Buffer, fields: Buffer[]];
type Page = (from: string, count: number) => Promise<RawEntry[]>;

/** Reads a room's stream in pages of bounded size, without decoding what is only passed on. */
export class Reads {
  readonly #keys: Keys;
  readonly #throttled: ThrottledLogger;

  constructor(keys: Keys, throttled: ThrottledLogger) {
    this.#keys = keys;
    this.#throttled = throttled;
  }

  /** See MessageStore.readFrom; rejects with Redis's error. */
  from(redis: Redis, room: string, from: string, limit: ReadLimit): Promise<Entry[]> {
    const key = this.#keys.log(room);
    return this.#collect(from, limit, (start, count) => redis.xrangeBuffer(key, start, "+", "COUNT", count));
  }

  /** See MessageStore.readBefore; rejects with Redis's error. */
  async before(redis: Redis, room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    const key = this.#keys.log(room);
    const start = before === undefined ? "+" : `(${before}`;
    // Redis accepts no exclusive bound at the very beginning, before which there is nothing.
    if (before === "0-0") return [];
    const newestFirst = await this.#collect(start, limit, (end, count) =>
      redis.xrevrangeBuffer(key, end, "-", "COUNT", count),
    );
    return newestFirst.reverse();
  }

  /** See MessageStore.heads; rejects with Redis's error. */
  async heads(redis: Redis, rooms: readonly string[]): Promise<string[]> {
    const heads: string[] = [];
    for (let start = 0; start < rooms.length; start += HEADS) {
      const batch = rooms.slice(start, start + HEADS);
      const newest = await Promise.all(
        batch.map((room) => this.#orNone(redis.xrevrange(this.#keys.log(room), "+", "-", "COUNT", 1))),
      );
      for (const entries of newest) heads.push(entries[0]?.[0] ?? "0-0");
    }
    return heads;
  }

  /**
   * Returns the rooms with the newest entries, at most `count`, newest first; an empty stream is among them.
   * Rejects with Redis's error.
   */
  async newest(redis: Redis, rooms: readonly string[], count: number): Promise<RoomHead[]> {
    const heads = await this.heads(redis, rooms);
    return newestFirst(rooms.map((room, index) => ({ room, head: heads[index] ?? BEGINNING }))).slice(
      0,
      count,
    );
  }

  /** Returns no entries for a room whose key holds another type, so that all other rooms can catch up. */
  async #orNone<T>(entries: Promise<T[]>): Promise<T[]> {
    try {
      return await entries;
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.#throttled.log("error", "a room's key holds no stream", {});
      return [];
    }
  }

  async #collect(start: string, limit: ReadLimit, page: Page): Promise<Entry[]> {
    const entries: Entry[] = [];
    let bytes = 0;
    let malformed = 0;
    let next = start;
    try {
      while (true) {
        const count = Math.min(PAGE, limit.entries - entries.length);
        const raw = await this.#orNone(page(next, count));
        for (const one of raw) {
          const entry = parse(one);
          if (entry === undefined) {
            malformed += 1;
            continue;
          }
          bytes += entry.frame.length;
          if (bytes > limit.bytes && entries.length > 0) return entries;
          entries.push(entry);
        }
        const last = raw.at(-1);
        if (last === undefined || raw.length < count || entries.length >= limit.entries) return entries;
        next = `(${last[0].toString("latin1")}`;
      }
    } finally {
      if (malformed > 0) {
        this.#throttled.log("warn", "skipped entries of a stream that are not messages", {}, malformed);
      }
    }
  }
}

const BODY_BEGINS = Buffer.from('"type":"');
const BRACE = "}".charCodeAt(0);

function parse([rawId, fields]: RawEntry): Entry | undefined {
  let prev: string | undefined;
  let body: Buffer | undefined;
  let access: AccessChange | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]?.toString("latin1");
    if (name === "p") prev = fields[i + 1]?.toString("latin1");
    else if (name === "b") body = fields[i + 1];
    else if (name === "a") access = decodeAccessChange(fields[i + 1]?.toString() ?? "");
  }
  const id = rawId.toString("latin1");
  if (prev === undefined || !isMessageId(prev) || !isMessageId(id)) return undefined;
  if (body === undefined || body.at(-1) !== BRACE) return undefined;
  if (!body.subarray(0, BODY_BEGINS.length).equals(BODY_BEGINS)) return undefined;
  const frame = Buffer.concat([Buffer.from(`{"id":"${id}","prev":"${prev}",`, "latin1"), body]);
  return access === undefined ? { id, prev, frame } : { id, prev, frame, access };
}
