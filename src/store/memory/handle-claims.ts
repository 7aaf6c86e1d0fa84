import { createHash } from "node:crypto";
import { CLAIM_MS, MAX_CLAIMS } from "../claim-limits.ts";
import { type Candidate, LAST_NUMBER, withNumber } from "../numbered-handle.ts";
import type { HandleClaim, RequestedHandle } from "../store.ts";

/** Numbers for users who get one of their own: 100,000 to 999,999. */
const CROWD_NUMBERS = { first: 100_000, count: 900_000 };

interface Claim {
  readonly user: string;
  readonly isGuest: boolean;
  readonly until: number;
}

/** Returns an unpredictable number; any of its bits may be used. */
type Draw = () => number;

/**
 * Decides who has which handle in a room of the memory store, by the rules of redis/presence/handles.lua: a
 * look belongs to one user; a guest's look goes to a user of the site, or a program, that wants it.
 */
export class HandleClaims {
  /** Claims by look. Emptied by `sweep`; at most twice `MAX_CLAIMS`, plus those of users of the site. */
  readonly #claims = new Map<string, Claim>();
  readonly #draw: Draw;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  get isEmpty(): boolean {
    return this.#claims.size === 0;
  }

  /** Claims and returns the handle of a user: the requested one, or its stem and a number. */
  settle(claim: HandleClaim, now: number): string {
    const { handle, looks } = this.#decide(claim, now);
    for (const look of looks) {
      this.#claims.set(look, { user: claim.user, isGuest: claim.isGuest, until: now + CLAIM_MS });
    }
    return handle;
  }

  /** Releases the user's claims of a handle. */
  release(user: string, { looks }: RequestedHandle): void {
    for (const look of looks) {
      if (this.#claims.get(look)?.user === user) this.#claims.delete(look);
    }
  }

  /** Removes expired claims. */
  sweep(now: number): void {
    for (const [look, { until }] of this.#claims) if (until <= now) this.#claims.delete(look);
  }

  #decide(claim: HandleClaim, now: number): Candidate {
    const { requested, isGuest } = claim;
    const found = this.#isFree(requested.looks, claim, now) ? requested : this.#numbered(claim, now);
    if (found !== undefined) {
      const isFull = isGuest && this.#claims.size >= MAX_CLAIMS && !this.#isOwn(found.looks, claim, now);
      if (!isFull) return found;
    }
    const inCrowd = this.#inCrowd(claim, now);
    return this.#claims.size < 2 * MAX_CLAIMS ? inCrowd : { ...inCrowd, looks: [] };
  }

  /**
   * Returns the handle with the number that the user has already, else with the first free one; undefined if
   * none is free.
   */
  #numbered(claim: HandleClaim, now: number): Candidate | undefined {
    const candidates = Array.from({ length: LAST_NUMBER - 1 }, (_, index) =>
      withNumber(claim.requested, index + 2),
    );
    return (
      candidates.find(({ looks }) => this.#isOwn(looks, claim, now)) ??
      candidates.find(({ looks }) => this.#isFree(looks, claim, now))
    );
  }

  #inCrowd(claim: HandleClaim, now: number): Candidate {
    const { user, isGuest, requested } = claim;
    const own = createHash("sha1")
      .update(`${isGuest ? 0 : 1}${user}${requested.stem.looks[0]}`)
      .digest("hex");
    const candidate = withNumber(requested, crowdNumber(Number.parseInt(own.slice(0, 7), 16)));
    return this.#isFree(candidate.looks, claim, now)
      ? candidate
      : withNumber(requested, crowdNumber(this.#draw()));
  }

  #isFree(looks: readonly string[], { user, isGuest }: HandleClaim, now: number): boolean {
    return looks.every((look) => {
      const claim = this.#claims.get(look);
      if (claim === undefined || claim.until <= now) return true;
      return claim.isGuest === isGuest ? claim.user === user : claim.isGuest;
    });
  }

  #isOwn(looks: readonly string[], { user, isGuest }: HandleClaim, now: number): boolean {
    return looks.every((look) => {
      const claim = this.#claims.get(look);
      return claim?.user === user && claim.isGuest === isGuest && claim.until > now;
    });
  }
}

function crowdNumber(drawn: number): number {
  return CROWD_NUMBERS.first + (drawn % CROWD_NUMBERS.count);
}
