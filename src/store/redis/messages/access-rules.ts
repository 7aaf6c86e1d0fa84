import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { isMessageId } from "../../../protocol/ids.ts";
import { isRight } from "../../../protocol/rights.ts";
import {
  type AccessChange,
  type AccessOutcome,
  type AccessRule,
  ALL_ROOMS,
  decodeAccessChange,
  encodeAccessChange,
  isMark,
  MAX_ACCESS_RULES,
  MAX_MARKS,
} from "../../access.ts";
import { accessBody } from "../../entry.ts";
import { randomIncrement } from "../../random-increment.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../node/scripts.ts";
import type { ServerClock } from "../node/server-clock.ts";
import type { Timeouts } from "../timeouts.ts";

/** Changes and reads the access rules of rooms. All calls reject with Redis's error. */
export class AccessRules {
  readonly #keys: Keys;
  readonly #clock: ServerClock;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;

  constructor(keys: Keys, clock: ServerClock, timeouts: Timeouts, throttled: ThrottledLogger) {
    this.#keys = keys;
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#throttled = throttled;
  }

  /**
   * Changes a rule, adds the entry to the room's stream and publishes it, atomically.
   * @param granted the key of what the embedding app grants now.
   */
  async change(
    redis: Redis,
    script: Script,
    room: string,
    change: AccessChange,
    granted: string,
  ): Promise<AccessOutcome> {
    const reply = await script.run(
      redis,
      [this.#keys.log(room), isMark(change.subject) ? this.#keys.marks() : this.#keys.access(room), granted],
      [
        Math.floor(this.#clock.now() + this.#timeouts.storeWithinMs),
        change.subject,
        change.recheck === true ? "?" : (change.right ?? ""),
        Math.ceil(change.until ?? 0),
        change.bindsModerators ? "p" : "-",
        encodeAccessChange(change),
        accessBody(room),
        randomIncrement(),
        isMark(change.subject) ? MAX_MARKS : MAX_ACCESS_RULES,
      ],
    );
    const [outcome, id]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (outcome === "stored" && typeof id === "string" && isMessageId(id)) return { outcome, id };
    return outcome === "too-many" ? { outcome } : { outcome: "unavailable" };
  }

  /** Returns all rules of a room; with those for all rooms the marks. */
  async read(redis: Redis, room: string): Promise<AccessRule[]> {
    const keys =
      room === ALL_ROOMS ? [this.#keys.access(room), this.#keys.marks()] : [this.#keys.access(room)];
    const stored = await Promise.all(keys.map((key) => redis.hgetall(key)));
    return stored.flatMap(Object.values<string>).flatMap((text) => this.#ruleIn(text) ?? []);
  }

  /** Returns the rules of some subjects, in their order; undefined for one that has none. */
  async of(redis: Redis, room: string, subjects: readonly string[]): Promise<(AccessRule | undefined)[]> {
    const [rules, marks] = [subjects.filter((each) => !isMark(each)), subjects.filter(isMark)];
    const stored = await Promise.all([
      rules.length === 0 ? [] : redis.hmget(this.#keys.access(room), ...rules),
      marks.length === 0 ? [] : redis.hmget(this.#keys.marks(), ...marks),
    ]);
    const texts = new Map([...rules, ...marks].map((subject, n) => [subject, stored.flat()[n] ?? null]));
    return subjects.map((subject) => this.#ruleIn(texts.get(subject) ?? undefined));
  }

  /** Reads `<right> <until> <p or -> <id> <the change as JSON>`, as access.lua writes it. */
  #ruleIn(text: string | undefined): AccessRule | undefined {
    if (text === undefined) return undefined;
    const [right = "", , , id = ""] = text.split(" ", 4);
    const change = decodeAccessChange(text.slice(text.indexOf("{")));
    if (change !== undefined && isRight(right) && isMessageId(id)) return { ...change, right, id };
    this.#throttled.log("warn", "skipped an access rule that is none", {});
    return undefined;
  }
}
