import { createHash } from "node:crypto";
import { type Candidate, LAST_NUMBER, withNumber } from "./numbered-handle.ts";
import type { HandleClaim, RequestedHandle } from "./store.ts";

/** How long a handle is its user's after they entered the room, were called, or said something there, ms. */
export const CLAIM_MS = 60_000;
/** A claim that lasts longer than this is not written again, ms: most messages only read. */
export const FRESH_MS = 40_000;
/** Looks claimed in one room. Beyond it guests get a number that is their own. */
export const MAX_CLAIMS = 10_000;
/** The pause between two removals of claims that have ended, ms. */
export const SWEEP_MS = 30_000;
/** Numbers of a crowd: 100,000 to 999,999. */
const CROWD_NUMBERS = { first: 100_000, count: 900_000 };

interface Claim {
  readonly user: string;
  readonly isGuest: boolean;
  readonly until: number;
}

/** Returns a number, of which any part may be used, that nobody could foresee. */
type Draw = () => number;

/**
 * Who has which handle in one room of the embedded store. The same rules as redis/handles.lua: what a reader takes a handle for is
 * one user's; a guest's goes to a user of the site or a program that wants it.
 */
export class HandleClaims {
  /** By look. Emptied by `sweep`; bounded by twice `MAX_CLAIMS`, and by the users of the site. */
  readonly #claims = new Map<string, Claim>();
  readonly #draw: Draw;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  get isEmpty(): boolean {
    return this.#claims.size === 0;
  }

  /** Returns the handle that the user has from now on: the requested one, or its stem and a number. */
  settle(claim: HandleClaim, now: number): string {
    const { handle, looks } = this.#decide(claim, now);
    for (const look of looks) {
      this.#claims.set(look, { user: claim.user, isGuest: claim.isGuest, until: now + CLAIM_MS });
    }
    return handle;
  }

  /** Lets go what the user has of a handle. */
  release(user: string, { looks }: RequestedHandle): void {
    for (const look of looks) {
      if (this.#claims.get(look)?.user === user) this.#claims.delete(look);
    }
  }

  /** Forgets claims that have ended. */
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

  /** The handle with a number that the user has already, else with the first that is free. */
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
