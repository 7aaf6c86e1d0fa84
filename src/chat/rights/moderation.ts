import type { Logger } from "../../logging/logger.ts";
import type { AccessRuleView } from "../../protocol/frames.ts";
import { compareIds } from "../../protocol/ids.ts";
import { includes, type Right } from "../../protocol/rights.ts";
import { type AccessChange, type AccessRule, EVERYBODY, networkSubject } from "../../store/access.ts";
import type { MessageStore } from "../../store/store.ts";
import { tooFast } from "../errors.ts";
import type { Identity } from "../identity.ts";
import { RateLimiter } from "../limits/rate.ts";
import { type ErrorReply, failure, type Result, success } from "../result.ts";
import type { RoomQueries } from "../room/queries.ts";
import type { Rooms } from "../room/rooms.ts";
import { readText } from "../text/text.ts";
import { refusalOf, type Visitor } from "./visitor.ts";

/** Code points of a reason. */
const REASON_LENGTH = 200;

/** Longest time of a rule that ends, s: ten years. */
export const LONGEST_RULE_SECONDS = 10 * 366 * 86_400;

/** Rules of one answer. */
export const RULES_LISTED = 200;

/** Changes of one user: each adds an entry to the room's history. */
const CHANGES = { perSecond: 5, burst: 20 } as const;

/** What a moderator may set: the most that a user may do; `default` takes that back. */
export type RuleRight = Exclude<Right, "moderate"> | "default";

export const RULE_RIGHTS = ["none", "read", "write", "default"] as const satisfies readonly RuleRight[];

/** A user who moderates. */
export interface Moderator extends Visitor {
  readonly identity: Identity;
}

/** A change of what a user may do in a room. */
export interface RuleRequest {
  /** A user id, or `*` for everybody. */
  readonly user: string;
  readonly right: RuleRight;
  /** How long it holds; undefined = until it is changed. */
  readonly seconds?: number | undefined;
  /** For other moderators. */
  readonly reason?: string | undefined;
  /**
   * Whether the rule is also for all guests of the user's address (IPv6: of its /64 network): a guest who is
   * shut out may come back as another one. The user must be a guest who is in the room.
   */
  readonly address?: boolean | undefined;
}

/** A page of a room's rules, the newest first. */
export interface RulePage {
  readonly rules: readonly AccessRuleView[];
  readonly more: boolean;
}

const TOO_MANY: ErrorReply = {
  code: "storage-full",
  message: "This room has as many access rules as can be kept; remove some.",
};

const NO_ADDRESS = failure({
  code: "bad-request",
  message:
    "The address is known only of guests who are in the room; take a rule back by the name that the list of rules has for it.",
} as const);

const AWAY: ErrorReply = {
  code: "unavailable",
  message: "The chat cannot reach its storage, or an older release of it is still running; try again.",
};

/** Changes and lists the access rules of rooms, for users who may moderate. */
export class Moderation {
  readonly #store: MessageStore;
  readonly #rooms: Rooms;
  readonly #queries: RoomQueries;
  readonly #logger: Logger;
  readonly #rates = new RateLimiter(CHANGES.perSecond, CHANGES.burst);

  constructor(store: MessageStore, rooms: Rooms, queries: RoomQueries, logger: Logger) {
    this.#rooms = rooms;
    this.#store = store;
    this.#queries = queries;
    this.#logger = logger;
  }

  /**
   * Changes a rule; the value is the id of the entry that tells all processes. Fails with `forbidden`,
   * `bad-request`, `rate-limited`, `storage-full` and `unavailable`. Rejects with StoreUnavailable.
   */
  async change(moderator: Moderator, room: string, request: RuleRequest): Promise<Result<string>> {
    const refused = await this.#refusal(moderator, room);
    if (refused !== undefined) return failure(refused);
    const reason = request.reason === undefined ? undefined : readText(request.reason, REASON_LENGTH);
    if (reason?.ok === false) return reason;
    const { user: by, kind } = moderator.identity;
    const waitMs = this.#rates.take(by, performance.now());
    if (waitMs > 0) return failure(tooFast(waitMs));
    const { user, right, seconds, address } = request;
    // Before the rule: a user who was shut out is not in the room any more.
    const network = address === true ? await this.#queries.networkOf(room, user) : undefined;
    if (address === true && (network === undefined || right === "default")) return NO_ADDRESS;
    const rule = {
      right: right === "default" ? undefined : right,
      until: seconds === undefined ? undefined : this.#store.now() + seconds * 1_000,
      by,
      // A lock of the room leaves it to its moderators, the program that set it among them.
      bindsModerators: kind === "program" && user !== EVERYBODY,
      reason: reason?.value,
    };
    const ofUser = await this.#set(room, { ...rule, subject: user });
    if (!ofUser.ok || network === undefined) return ofUser;
    return this.#set(room, { ...rule, subject: networkSubject(network) });
  }

  /** Stores a change of a rule. */
  async #set(room: string, change: AccessChange): Promise<Result<string>> {
    const changed = await this.#store.changeAccess(room, change);
    if (changed.outcome !== "stored") return failure(changed.outcome === "too-many" ? TOO_MANY : AWAY);
    this.#rooms.get(room)?.expect(changed.id);
    const { subject: user, right = "default", until, by } = change;
    const fields = { event: "access", room, user, right, until, by, id: changed.id };
    this.#logger.info(fields, "an access rule was changed");
    return success(changed.id);
  }

  /**
   * Makes all processes ask the embedding app again what a user (`*` = everybody) may do in a room. Fails and
   * rejects as `change`.
   */
  async recheck(moderator: Moderator, room: string, user: string): Promise<Result<string>> {
    const refused = await this.#refusal(moderator, room);
    if (refused !== undefined) return failure(refused);
    const { user: by } = moderator.identity;
    const waitMs = this.#rates.take(by, performance.now());
    if (waitMs > 0) return failure(tooFast(waitMs));
    const nothing = { right: undefined, until: undefined, bindsModerators: false, reason: undefined };
    const changed = await this.#store.changeAccess(room, { ...nothing, subject: user, by, recheck: true });
    if (changed.outcome !== "stored") return failure(AWAY);
    this.#rooms.get(room)?.expect(changed.id);
    this.#logger.info({ event: "recheck", room, user, by, id: changed.id }, "rights are asked for again");
    return success(changed.id);
  }

  /** Returns the rules made before the one with an id (undefined = the newest). Fails and rejects as `change`. */
  async list(moderator: Moderator, room: string, before: string | undefined): Promise<Result<RulePage>> {
    const refused = await this.#refusal(moderator, room);
    if (refused !== undefined) return failure(refused);
    const now = this.#store.now();
    const found = (await this.#store.accessRules(room))
      .filter(
        ({ id, until }) => (until ?? now + 1) > now && (before === undefined || compareIds(id, before) < 0),
      )
      .sort((left, right) => compareIds(right.id, left.id));
    return success({ rules: found.slice(0, RULES_LISTED).map(viewOf), more: found.length > RULES_LISTED });
  }

  /** Forgets users who have not changed anything for a while; to be called regularly. */
  sweep(now: number): void {
    this.#rates.sweep(now);
  }

  async #refusal(moderator: Moderator, room: string): Promise<ErrorReply | undefined> {
    const right =
      moderator.base === "moderate" ? await this.#queries.rightIn(room, moderator) : moderator.base;
    return includes(right, "moderate") ? undefined : refusalOf(right, "moderate", room);
  }
}

function viewOf({ id, subject, right, until, by, reason }: AccessRule): AccessRuleView {
  return {
    id,
    user: subject,
    right,
    by,
    ...(until === undefined ? {} : { until }),
    ...(reason === undefined ? {} : { reason }),
  };
}
