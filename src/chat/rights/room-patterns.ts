import { ROOM } from "../../protocol/ids.ts";

/**
 * Returns whether a text is a pattern of rooms: a room's name, or the beginning of one with a `*` after it.
 */
export function isRoomPattern(text: string): boolean {
  const beginning = text.endsWith("*") ? text.slice(0, -1) : text;
  return ROOM.test(beginning) || text === "*";
}

/** Values by patterns of rooms. */
export class RoomPatterns<T> {
  /** All patterns and their values. */
  readonly entries: readonly (readonly [pattern: string, value: T])[];
  readonly #exact: ReadonlyMap<string, T>;
  /** Beginnings of names, the longest first. */
  readonly #beginnings: readonly (readonly [beginning: string, value: T])[];

  /** @param values each pattern once, as `isRoomPattern` accepts it. */
  constructor(values: Iterable<readonly [pattern: string, value: T]>) {
    const all = [...values];
    this.entries = all;
    this.#exact = new Map(all.filter(([pattern]) => !pattern.endsWith("*")));
    this.#beginnings = all
      .filter(([pattern]) => pattern.endsWith("*"))
      .map(([pattern, value]) => [pattern.slice(0, -1), value] as const)
      .sort(([left], [right]) => right.length - left.length);
  }

  /** The value of the pattern that every room has: `*`. */
  get ofAll(): T | undefined {
    return this.entries.find(([pattern]) => pattern === "*")?.[1];
  }

  /** Returns the value of the pattern that is the room's name, else of the longest that it begins with. */
  of(room: string): T | undefined {
    const exact = this.#exact.get(room);
    if (exact !== undefined) return exact;
    return this.#beginnings.find(([beginning]) => room.startsWith(beginning))?.[1];
  }
}
