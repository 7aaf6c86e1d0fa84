import type { Redis } from "ioredis";
import { isRight } from "../../../protocol/rights.ts";
import { EVERYBODY, GRANT_MS, type Grant, recheckSubject } from "../../access.ts";
import type { Keys } from "../keys.ts";
import type { ServerClock } from "../node/server-clock.ts";

/**
 * Remembers what the embedding app granted: one hash per room and span of `GRANT_MS`, of which the last two
 * count, so that each expires as a whole. A hash has by user `<right> <when the app was asked>`, and by the
 * subject of a recheck when that was (access.lua). All calls reject with Redis's error.
 */
export class Grants {
  readonly #keys: Keys;
  readonly #clock: ServerClock;

  constructor(keys: Keys, clock: ServerClock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Returns the key that is written now. */
  keyOf(room: string, spansAgo = 0): string {
    return this.#keys.granted(room, Math.floor(this.#clock.now() / GRANT_MS) - spansAgo);
  }

  /** Remembers grants by user id. */
  async write(redis: Redis, room: string, grants: ReadonlyMap<string, Grant>): Promise<void> {
    if (grants.size === 0) return;
    const key = this.keyOf(room);
    const values = Array.from(
      grants,
      ([user, { right, at }]) => [user, `${right} ${Math.floor(at)}`] as const,
    );
    await Promise.all([redis.hset(key, Object.fromEntries(values)), redis.pexpire(key, 2 * GRANT_MS)]);
  }

  /** Returns what was granted to a user; undefined = nothing, or the app was to be asked again since. */
  async of(redis: Redis, room: string, user: string): Promise<Grant | undefined> {
    const fields = [user, recheckSubject(user), recheckSubject(EVERYBODY)];
    const spans = await Promise.all([0, 1].map((ago) => redis.hmget(this.keyOf(room, ago), ...fields)));
    const marks = spans.flatMap(([, ...rechecks]) => rechecks.map(Number));
    const [grant] = spans.flatMap(([granted]) => grantIn(granted ?? "") ?? []);
    return grant !== undefined && grant.at > Math.max(...marks) ? grant : undefined;
  }
}

function grantIn(text: string): Grant | undefined {
  const [right, at] = text.split(" ");
  return isRight(right) && at !== undefined ? { right, at: Number(at) } : undefined;
}
