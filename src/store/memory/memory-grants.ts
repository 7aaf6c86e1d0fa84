import { type AccessChange, EVERYBODY, GRANT_MS, type Grant, recheckSubject } from "../access.ts";

/** What the embedding app granted users in rooms, in memory. */
export class MemoryGrants {
  /**
   * By room, then by user, or by the subject of a mark that the app is to be asked again. Emptied by `sweep`.
   */
  readonly #rooms = new Map<string, Map<string, Grant & { readonly until: number }>>();

  /** Remembers grants by user id for `GRANT_MS`. */
  write(room: string, grants: ReadonlyMap<string, Grant>, now: number): void {
    const granted = this.#rooms.get(room) ?? new Map();
    for (const [user, grant] of grants) granted.set(user, { ...grant, until: now + GRANT_MS });
    if (granted.size > 0) this.#rooms.set(room, granted);
  }

  /** Returns what was granted to a user; undefined = nothing that is remembered and still counts. */
  of(room: string, user: string, now: number): Grant | undefined {
    const granted = this.#rooms.get(room);
    const grant = granted?.get(user);
    if (grant === undefined || grant.until <= now) return undefined;
    const marks = [user, EVERYBODY].map((subject) => granted?.get(recheckSubject(subject))?.at ?? 0);
    return marks.every((at) => at < grant.at) ? { right: grant.right, at: grant.at } : undefined;
  }

  /** Notes that the app is to be asked again: also an answer that is under way does not count any more. */
  recheck(room: string, { subject }: AccessChange, now: number): void {
    this.write(room, new Map([[recheckSubject(subject), { right: "none", at: now }]]), now);
  }

  sweep(now: number): void {
    for (const [room, granted] of this.#rooms) {
      for (const [user, { until }] of granted) if (until <= now) granted.delete(user);
      if (granted.size === 0) this.#rooms.delete(room);
    }
  }
}
