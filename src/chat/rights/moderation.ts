import type { Logger } from "../../logging/logger.ts";
import type { AccessRuleView } from "../../protocol/frames.ts";
import { compareIds, isGuestId, isSiteUserId } from "../../protocol/ids.ts";
import { RIGHTS, type Right, SUBJECT } from "../../protocol/rights.ts";
import {
  type AccessChange,
  type AccessOutcome,
  type AccessRule,
  ALL_ROOMS,
  EVERYBODY,
  GRANT_MS,
  hasEnded,
  networkSubject,
  recheckSubject,
  signOutSubject,
} from "../../store/access.ts";
import type { MessageStore } from "../../store/store.ts";
import { tooFast } from "../errors.ts";
import type { Identity } from "../identity.ts";
import { RateLimiter } from "../limits/rate.ts";
import { type ErrorReply, failure, type Result, success } from "../result.ts";
import type { RoomQueries } from "../room/queries.ts";
import type { Rooms } from "../room/rooms.ts";
import { readText } from "../text/text.ts";
import type { GlobalRules } from "./global-rules.ts";
import type { Rights } from "./rights.ts";
import { missingRight, type Visitor } from "./visitor.ts";

/** Code points of a reason. */
export const REASON_LENGTH = 200;

/** Longest time of a rule that ends, s: ten years. */
export const LONGEST_RULE_SECONDS = 10 * 366 * 86_400;

/**
 * How long a sign-out is remembered, ms: a year. A token that is valid for longer is accepted again after
 * that time.
 */
const SIGNED_OUT_MS = 365 * 86_400_000;

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
   * shut out may come back as another one. The user must be a guest who is in the room; of a rule for all
   * rooms, a guest who is connected.
   */
  readonly address?: boolean | undefined;
}

/** Whom to sign out; `undo`: to take that back. */
export interface SignOut {
  /** A user id, or `*` for every user of the site. */
  readonly user: string;
  readonly undo?: boolean | undefined;
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

const NOT_ALL_ROOMS: ErrorReply = {
  code: "forbidden",
  message: "You may not moderate all rooms: that takes the right moderate for the rooms *.",
};

const SHUT_OUT: ErrorReply = {
  code: "forbidden",
  message: "A rule for all rooms says that you may not moderate.",
};

const SET_BY_PROGRAM: ErrorReply = {
  code: "forbidden",
  message:
    "A program has set the rule for this user, so that it holds for moderators, too; only a program changes it.",
};

const MILDER: ErrorReply = {
  code: "bad-request",
  message: "The rule for this user allows less, or holds for longer; take it back first (default).",
};

const NOT_OF_SITE = failure({
  code: "bad-request",
  message: "Only users of the site can be signed out; a guest can be shut out.",
} as const);

const AWAY: ErrorReply = {
  code: "unavailable",
  message: "The chat cannot reach its storage, or an older release of it is still running; try again.",
};

/** A change without a rule. */
const NOTHING = { right: undefined, until: undefined, bindsModerators: false, reason: undefined } as const;

/** Dependencies of `Moderation`. */
export interface ModerationDeps {
  readonly store: MessageStore;
  readonly rooms: Rooms;
  readonly queries: RoomQueries;
  readonly rights: Rights;
  readonly globalRules: GlobalRules;
  readonly logger: Logger;
}

type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Changes and lists access rules for users who may moderate: those of a room, and those for all rooms, which
 * are kept under the name `ALL_ROOMS`.
 */
export class Moderation {
  readonly #store: MessageStore;
  readonly #rooms: Rooms;
  readonly #queries: RoomQueries;
  readonly #rights: Rights;
  readonly #globalRules: GlobalRules;
  readonly #logger: Logger;
  readonly #rates = new RateLimiter(CHANGES.perSecond, CHANGES.burst);

  constructor({ store, rooms, queries, rights, globalRules, logger }: ModerationDeps) {
    this.#rooms = rooms;
    this.#store = store;
    this.#queries = queries;
    this.#rights = rights;
    this.#globalRules = globalRules;
    this.#logger = logger;
  }

  /**
   * Changes a rule; the value is the id of the entry that tells all processes. Fails with `forbidden`,
   * `bad-request`, `rate-limited`, `storage-full` and `unavailable`. Rejects with StoreUnavailable.
   */
  async change(moderator: Moderator, room: string, request: RuleRequest): Promise<Result<string>> {
    const reason = request.reason === undefined ? undefined : readText(request.reason, REASON_LENGTH);
    if (reason?.ok === false) return reason;
    const refused = await this.#refusal(moderator, room);
    if (refused !== undefined) return failure(refused);
    const { user, right, seconds, address = false } = request;
    const { user: by, kind } = moderator.identity;
    const kept = await this.#keptRule(moderator, room, request);
    if (kept !== undefined) return failure(kept);
    const rule = {
      subject: user,
      right: right === "default" ? undefined : right,
      until: seconds === undefined ? undefined : this.#store.now() + seconds * 1_000,
      by,
      // A lock of the room leaves it to its moderators, the program that set it among them.
      bindsModerators: kind === "program" && user !== EVERYBODY,
      reason: reason?.value,
    };
    if (!address) return this.#set(room, rule);
    if (right === "default" || !isGuestId(user)) return NO_ADDRESS;
    // No process knows all connections of a guest: each makes the rule for those that it has.
    if (room === ALL_ROOMS) return this.#set(room, { ...rule, address });
    // Before the rule: a user who was shut out is not in the room any more.
    const network = await this.#queries.networkOf(room, user);
    if (network === undefined) return NO_ADDRESS;
    const ofUser = await this.#set(room, rule);
    return ofUser.ok ? this.#set(room, { ...rule, subject: networkSubject(network) }) : ofUser;
  }

  /**
   * Makes all processes ask the embedding app again what a user (`*` = everybody) may do in a room, or in
   * all. Fails and rejects as `change`.
   */
  async recheck(moderator: Moderator, room: string, user: string): Promise<Result<string>> {
    const refused = await this.#refusal(moderator, room);
    if (refused !== undefined) return failure(refused);
    const { user: by } = moderator.identity;
    const change =
      room === ALL_ROOMS
        ? this.#mark(recheckSubject(user), by, 2 * GRANT_MS)
        : { ...NOTHING, subject: user, by, recheck: true as const };
    const stored = await this.#store.changeAccess(room, change);
    return this.#stored(room, stored, change, { event: "recheck", user }, "rights are asked for again");
  }

  /**
   * Signs a user of the site out (`*` = all of them) on all processes: tokens and sessions that were issued
   * before are not accepted any more, and their connections are closed; or takes that back. Fails and rejects
   * as `change`.
   */
  async signOut(moderator: Moderator, { user, undo = false }: SignOut): Promise<Result<string>> {
    const refused = await this.#refusal(moderator, ALL_ROOMS);
    if (refused !== undefined) return failure(refused);
    if (user !== EVERYBODY && !isSiteUserId(user)) return NOT_OF_SITE;
    const mark = this.#mark(signOutSubject(user), moderator.identity.user, SIGNED_OUT_MS);
    const change = undo ? { ...mark, right: undefined } : mark;
    const stored = await this.#store.changeAccess(ALL_ROOMS, change);
    const fields = { event: "sign-out", user, undo: undo || undefined };
    return this.#stored(
      ALL_ROOMS,
      stored,
      change,
      fields,
      undo ? "a sign-out was taken back" : "a user was signed out",
    );
  }

  /**
   * Returns the rules made before the one with an id (undefined = the newest). Fails and rejects as `change`.
   */
  async list(moderator: Moderator, room: string, before: string | undefined): Promise<Result<RulePage>> {
    const forbidden = await this.#missingRight(moderator, room);
    if (forbidden !== undefined) return failure(forbidden);
    const now = this.#store.now();
    const found = (await this.#store.accessRules(room))
      .filter(
        (rule) =>
          SUBJECT.test(rule.subject) &&
          !hasEnded(rule, now) &&
          (before === undefined || compareIds(rule.id, before) < 0),
      )
      .sort((left, right) => compareIds(right.id, left.id));
    return success({ rules: found.slice(0, RULES_LISTED).map(viewOf), more: found.length > RULES_LISTED });
  }

  /** Forgets users who have not changed anything for a while; to be called regularly. */
  sweep(now: number): void {
    this.#rates.sweep(now);
  }

  /**
   * Returns why the rule that there is must be taken back before: a milder rule, or one that ends earlier, must
   * not lift it by mistake, and a moderator not one that binds moderators.
   */
  async #keptRule(
    { identity }: Moderator,
    room: string,
    { user, right, seconds }: RuleRequest,
  ): Promise<ErrorReply | undefined> {
    const [rule] = await this.#store.accessRulesOf(room, [user]);
    const now = this.#store.now();
    if (rule === undefined || hasEnded(rule, now)) return undefined;
    if (rule.bindsModerators && identity.kind !== "program") return SET_BY_PROGRAM;
    if (right === "default") return undefined;
    const until = seconds === undefined ? Number.POSITIVE_INFINITY : now + seconds * 1_000;
    const isMilder = RIGHTS.indexOf(right) > RIGHTS.indexOf(rule.right);
    return isMilder || until < (rule.until ?? Number.POSITIVE_INFINITY) ? MILDER : undefined;
  }

  async #set(room: string, change: AccessChange): Promise<Result<string>> {
    const stored = await this.#store.changeAccess(room, change);
    const { subject: user, right = "default", until } = change;
    return this.#stored(
      room,
      stored,
      change,
      { event: "access", user, right, until },
      "an access rule was changed",
    );
  }

  #mark(subject: string, by: string, lifetimeMs: number): AccessChange {
    // It lowers nothing. Of a mark only the id counts: when it was made.
    return { ...NOTHING, subject, right: "moderate", by, until: this.#store.now() + lifetimeMs };
  }

  /** Logs a change that was stored, and has this process follow it. */
  #stored(
    room: string,
    changed: AccessOutcome,
    change: AccessChange,
    fields: LogFields,
    sentence: string,
  ): Result<string> {
    if (changed.outcome !== "stored") return failure(changed.outcome === "too-many" ? TOO_MANY : AWAY);
    const { id } = changed;
    this.#logger.info({ ...fields, room, by: change.by, id }, sentence);
    if (room === ALL_ROOMS) this.#globalRules.apply(change, id);
    else this.#rooms.get(room)?.stream.expect(id);
    return success(id);
  }

  /** Returns why a user may not change anything now; undefined if they may. */
  async #refusal(moderator: Moderator, room: string): Promise<ErrorReply | undefined> {
    const forbidden = await this.#missingRight(moderator, room);
    if (forbidden !== undefined) return forbidden;
    const waitMs = this.#rates.take(moderator.identity.user, performance.now());
    return waitMs > 0 ? tooFast(waitMs) : undefined;
  }

  async #missingRight(moderator: Moderator, room: string): Promise<ErrorReply | undefined> {
    if (room === ALL_ROOMS) {
      if (!this.#rights.moderatesAll(moderator.identity)) return NOT_ALL_ROOMS;
      // A rule for all rooms that binds moderators takes this right, too.
      const right = this.#globalRules.set.rightOf({ ...moderator, base: "moderate" }, () =>
        this.#store.now(),
      );
      return right === "moderate" ? undefined : SHUT_OUT;
    }
    const right =
      moderator.base === "moderate" ? await this.#queries.rightIn(room, moderator) : moderator.base;
    return missingRight(right, "moderate", room);
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
