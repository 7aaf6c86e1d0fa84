import { type AppUsers, guestIdentity, type Identity } from "../chat/identity.ts";
import { failure, type Result, success } from "../chat/result.ts";
import { BoundedCalls, spreadRetryMs } from "../chat/rights/bounded-calls.ts";
import { readRoomRights } from "../chat/rights/room-rights.ts";
import { handleFrom } from "../chat/text/handle.ts";
import type { Logger } from "../logging/logger.ts";
import { ThrottledLogger } from "../logging/throttled-logger.ts";
import type { Right } from "../protocol/rights.ts";
import { siteUserId } from "./site-tokens.ts";

/** A user of the embedding app. */
export interface AppUser {
  /** The app's id of the user; `sub` in a token with the same value is the same user of the chat. */
  readonly id: string | number;
  /** The name that others see, which the user cannot change; undefined = the user chooses one. */
  readonly name?: string | undefined;
  /** What the user may do, as the claim `rooms` of a token; undefined = the settings decide. */
  readonly rooms?: Readonly<Record<string, Right>> | undefined;
}

/**
 * Returns the user of the app's own session that a request belongs to; undefined = it has none. If it throws,
 * rejects, takes longer than 2 s or returns something else, the request is answered `unavailable` (503).
 */
export type Authenticate<Request> = (request: Request) => AppUser | undefined | Promise<AppUser | undefined>;

/**
 * How long a request may wait for a free call, ms. With the 2 s for the answer it is less than the time after
 * which an upgrade is given up.
 */
const WAIT_MS = 5_000;

/** Dependencies of `Authenticator`. */
export interface AuthenticatorDeps<Request> {
  readonly logger: Logger;
  /** Returns the time by the store's clock, ms since 1970 UTC. */
  readonly now: () => number;
  /** As `Connection.network`: networks take turns. */
  readonly networkOf: (request: Request) => string;
  /** Requests that wait for a free call, at most. */
  readonly mostWaiting?: number | undefined;
}

/** Asks the embedding app which of its users sent a request, no more than 32 requests at a time. */
export class Authenticator<Request> implements AppUsers<Request> {
  readonly #authenticate: Authenticate<Request>;
  readonly #throttled: ThrottledLogger;
  readonly #calls: BoundedCalls;
  readonly #now: () => number;
  readonly #networkOf: (request: Request) => string;

  constructor(
    authenticate: Authenticate<Request>,
    { logger, now, networkOf, mostWaiting }: AuthenticatorDeps<Request>,
  ) {
    this.#authenticate = authenticate;
    this.#now = now;
    this.#networkOf = networkOf;
    this.#throttled = new ThrottledLogger(logger);
    this.#calls = new BoundedCalls({ waitMs: WAIT_MS, mostWaiting });
  }

  async of(request: Request): Promise<Result<Identity | undefined>> {
    const outcome = await this.#calls.run(this.#networkOf(request), async () => {
      // Before the app is asked: a sign-out that comes meanwhile counts.
      const issuedAt = this.#now();
      return identityOf(await this.#authenticate(request), issuedAt);
    });
    if (outcome.kind === "answered") return success(outcome.value);
    if (outcome.kind === "failed") {
      const { error: err } = outcome;
      this.#throttled.log("error", "authenticate failed", { event: "authenticate", err });
    } else if (outcome.kind === "late")
      this.#throttled.log("warn", "authenticate did not answer in time", { event: "authenticate" });
    // Not a guest: a user of the app would write under another name, and see what guests see.
    return failure({
      code: "unavailable",
      message: "It cannot be checked now who you are; try again.",
      retryAfterMs: spreadRetryMs(),
    });
  }
}

/** Returns the identity of the user whom the app named; undefined = none. Throws for any other answer. */
function identityOf(answer: unknown, issuedAt: number): Identity | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== "object" || answer === null)
    throw new TypeError("authenticate must return an object with the user's id, or undefined");
  const user = siteUserId(Reflect.get(answer, "id"));
  if (user === undefined) throw new TypeError("the id of a user must be a text, or a whole number");
  const given: unknown = Reflect.get(answer, "rooms");
  const rooms = given === undefined ? undefined : readRoomRights(given);
  if (given !== undefined && rooms === undefined)
    throw new TypeError(
      'the rooms of a user must be an object of rooms and rights, such as {"team-*":"write"}',
    );
  const name: unknown = Reflect.get(answer, "name");
  // As with a token, a user is never rejected for their name.
  const named = typeof name === "string" ? handleFrom(name) : undefined;
  return {
    ...guestIdentity(user, named),
    kind: "site",
    issuedAt,
    rooms,
    hasFixedHandle: named !== undefined,
  };
}
