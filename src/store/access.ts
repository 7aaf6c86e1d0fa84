import { compareIds } from "../protocol/ids.ts";
import { isRight, RIGHTS, type Right } from "../protocol/rights.ts";

/**
 * Access rules: what lowers the rights of users in a room. A rule is for a user id, for everybody (`*`), or
 * for the guests of a network (`@` and the network's digest).
 */

/** The subject of a rule for everybody: it locks the room. */
export const EVERYBODY = "*";

/** Returns the subject of a rule for the guests of a network. */
export function networkSubject(digest: string): string {
  return `@${digest}`;
}

/** The name under which the rules for all rooms are kept; no room can have it. */
export const ALL_ROOMS = "*";

/**
 * Returns the subject of the mark that a user (`*` = every user of the site) was signed out: what was issued
 * to them before the mark's entry is not accepted. Marks are kept among the rules for all rooms, and lower
 * nothing.
 */
export function signOutSubject(user: string): string {
  return `!${user}`;
}

/**
 * Returns the subject of the mark that the embedding app is to be asked again about a user (`*` = everybody).
 */
export function recheckSubject(user: string): string {
  return `?${user}`;
}

/** Returns the user of a mark that `signOutSubject` made; undefined for any other subject. */
export function signedOutUser(subject: string): string | undefined {
  return subject.startsWith("!") ? subject.slice(1) : undefined;
}

/** Returns the user of a mark that `recheckSubject` made; undefined for any other subject. */
export function recheckedUser(subject: string): string | undefined {
  return subject.startsWith("?") ? subject.slice(1) : undefined;
}

/**
 * Most marks, which have a place of their own: as many sign-outs must not keep a moderator from setting a rule.
 */
export const MAX_MARKS = 20_000;

/** Returns whether a subject is that of a mark. */
export function isMark(subject: string): boolean {
  return signedOutUser(subject) !== undefined || recheckedUser(subject) !== undefined;
}

/** Most rules of a room; those that have ended are removed first. */
export const MAX_ACCESS_RULES = 5_000;

/** A change of a room's rules, as an entry of its stream carries it beside its frame. */
export interface AccessChange {
  readonly subject: string;
  /** The most that the subject may do; undefined = the rule is removed. */
  readonly right: Right | undefined;
  /** When the rule ends, by the store's clock, ms since 1970 UTC; undefined = never. */
  readonly until: number | undefined;
  /** The user id of who made the change. */
  readonly by: string;
  /** Whether it holds for users who may moderate, too: a program made it. */
  readonly bindsModerators: boolean;
  /** A sentence for moderators; undefined = none. */
  readonly reason: string | undefined;
  /**
   * Set if the processes that have connections of the subject, a guest, are to make the rule for the guests
   * of their networks, too.
   */
  readonly address?: true;
  /**
   * Set if no rule is changed: the embedding app is to be asked again what the subject may do, and what it
   * granted before (`MessageStore.grant`) is forgotten.
   */
  readonly recheck?: true;
}

/** A rule in force, and the id of the entry that made it. */
export interface AccessRule extends AccessChange {
  readonly right: Right;
  readonly id: string;
}

/** The outcome of a change. */
export type AccessOutcome =
  | { readonly outcome: "stored"; readonly id: string }
  /**
   * The room has `MAX_ACCESS_RULES` rules, or there are `MAX_MARKS` marks, that have not ended. Nothing was
   * changed.
   */
  | { readonly outcome: "too-many" }
  /** It is unknown whether it was stored; the same change again does no harm. */
  | { readonly outcome: "unavailable" };

/**
 * How long it is remembered what the embedding app granted, ms; at most twice as long. Longer than a restart
 * and the return of all clients take, and renewed while a user is in the room.
 */
export const GRANT_MS = 300_000;

/** What the embedding app granted a user in a room. */
export interface Grant {
  readonly right: Right;
  /** When the app was asked, ms by the store's clock. */
  readonly at: number;
}

/** The part of a message store that keeps access rules, and what the embedding app granted. */
export interface AccessStore {
  /**
   * Changes an access rule of a room: stores the rule, adds an entry to the room's stream and publishes it,
   * atomically; also when the store is out of space. `append` follows the rules from then on. Never rejects;
   * answers within `LIMITS.unavailableMs`.
   */
  changeAccess(room: string, change: AccessChange): Promise<AccessOutcome>;

  /**
   * Returns the access rules of a room, those for all rooms with the marks; in no order, and some of them may
   * have ended. Rejects with StoreUnavailable.
   */
  accessRules(room: string): Promise<readonly AccessRule[]>;

  /**
   * Returns the access rules of some subjects, in their order; undefined = none. Rejects with
   * StoreUnavailable.
   */
  accessRulesOf(room: string, subjects: readonly string[]): Promise<readonly (AccessRule | undefined)[]>;

  /**
   * Remembers what the embedding app granted users in a room, by user id, for `GRANT_MS` from now: so that
   * users who return after a restart are let in before the app is asked again. Never rejects; silently
   * dropped if the store is unreachable.
   */
  grant(room: string, grants: ReadonlyMap<string, Grant>): Promise<void>;

  /**
   * Returns what was granted to a user in a room; undefined = nothing that is remembered, or the app was to
   * be asked again in this room since. Rejects with StoreUnavailable.
   */
  grantOf(room: string, user: string): Promise<Grant | undefined>;
}

/** Returns the lowest right that is left of `base` under rules at a time. */
export function lowestRight(
  base: Right,
  rules: Iterable<Pick<AccessRule, "right" | "until" | "bindsModerators"> | undefined>,
  now: number,
): Right {
  let lowest = RIGHTS.indexOf(base);
  for (const rule of rules) {
    if (rule === undefined || hasEnded(rule, now)) continue;
    if (base === "moderate" && !rule.bindsModerators) continue;
    lowest = Math.min(lowest, RIGHTS.indexOf(rule.right));
  }
  return RIGHTS[lowest] ?? "none";
}

/** Returns whether a rule has ended at a time of the store's clock. */
export function hasEnded({ until }: Pick<AccessRule, "until">, now: number): boolean {
  return until !== undefined && until <= now;
}

/** Returns whether a rule replaces another one: its entry is later in the stream. */
export function isLater(id: string, than: string | undefined): boolean {
  return than === undefined || compareIds(id, than) > 0;
}

/** Returns a change as JSON text, with its fields in a fixed order and without those that say nothing. */
export function encodeAccessChange({
  subject,
  right,
  until,
  by,
  bindsModerators,
  reason,
  address,
  recheck,
}: AccessChange): string {
  return JSON.stringify({
    subject,
    right,
    until,
    by,
    program: bindsModerators || undefined,
    reason,
    address,
    recheck,
  });
}

/** Reads what `encodeAccessChange` returned; undefined if it is something else. */
export function decodeAccessChange(text: string): AccessChange | undefined {
  const value = parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { subject, right, until, by, program, reason, address, recheck } = fields;
  if (typeof subject !== "string" || typeof by !== "string") return undefined;
  if (right !== undefined && !isRight(right)) return undefined;
  if (until !== undefined && typeof until !== "number") return undefined;
  if (reason !== undefined && typeof reason !== "string") return undefined;
  const change = { subject, right, until, by, bindsModerators: program === true, reason };
  return {
    ...change,
    ...(address === true ? { address } : {}),
    ...(recheck === true ? { recheck } : {}),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
