import type { Right } from "../../protocol/rights.ts";
import { type AccessChange, EVERYBODY, GRANT_MS } from "../access.ts";

/** What the embedding app granted users in rooms, in memory. */
export class MemoryGrants {
  /** By room, then by user. Emptied by `sweep`. */
  readonly #rooms = new Map<string, Map<string, { readonly right: Right; readonly until: number }>>();

  /** Remembers rights by user id for `GRANT_MS`. */
  write(room: string, rights: ReadonlyMap<string, Right>, now: number): void {
    const granted = this.#rooms.get(room) ?? new Map();
    for (const [user, right] of rights) granted.set(user, { right, until: now + GRANT_MS });
    if (granted.size > 0) this.#rooms.set(room, granted);
  }

  /** Returns what was granted to a user; undefined = nothing that is remembered. */
  of(room: string, user: string, now: number): Right | undefined {
    const grant = this.#rooms.get(room)?.get(user);
    return grant === undefined || grant.until <= now ? undefined : grant.right;
  }

  /** Forgets what a change says is to be asked again. */
  recheck(room: string, { subject }: AccessChange): void {
    if (subject === EVERYBODY) this.#rooms.delete(room);
    else this.#rooms.get(room)?.delete(subject);
  }

  sweep(now: number): void {
    for (const [room, granted] of this.#rooms) {
      for (const [user, { until }] of granted) if (until <= now) granted.delete(user);
      if (granted.size === 0) this.#rooms.delete(room);
    }
  }
}
