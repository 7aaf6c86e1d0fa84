import type { Right } from "../../protocol/rights.ts";
import { type AccessChange, type AccessRule, EVERYBODY, isLater, lowestRight } from "../../store/access.ts";
import { type NetworkDigest, subjectsOf, type Visitor } from "../rights/visitor.ts";

/**
 * The access rules of one room, as they are after the room's newest entry: read when the room is opened and
 * when it starts over, and changed by access entries in the room's order.
 */
export class RoomAccess {
  readonly #digest: NetworkDigest;
  /** By subject; bounded by the store (`MAX_ACCESS_RULES`). */
  #rules: ReadonlyMap<string, AccessRule> = new Map();

  constructor(digest: NetworkDigest) {
    this.#digest = digest;
  }

  /** Replaces all rules by those that were read from the store. */
  replace(rules: readonly AccessRule[]): void {
    this.#rules = new Map(rules.map((rule) => [rule.subject, rule]));
  }

  /**
   * Makes the change of the entry with that id. Does nothing if the rule is a later one: it was read from the
   * store after that entry.
   */
  apply(change: AccessChange, id: string): void {
    const { subject, right, recheck } = change;
    if (recheck === true) return;
    if (!isLater(id, this.#rules.get(subject)?.id)) return;
    const rules = new Map(this.#rules);
    if (right === undefined) rules.delete(subject);
    else rules.set(subject, { ...change, right, id });
    this.#rules = rules;
  }

  /** Returns the right that the rules leave to a user at a time of the store's clock. */
  rightOf(visitor: Visitor, now: () => number): Right {
    if (this.#rules.size === 0) return visitor.base;
    const rules = this.subjectsOf(visitor).map((subject) => this.#rules.get(subject));
    return lowestRight(visitor.base, rules, now());
  }

  /** Returns whether a change is about a user. */
  concerns({ subject }: AccessChange, visitor: Visitor): boolean {
    return subject === EVERYBODY || this.subjectsOf(visitor).includes(subject);
  }

  /** Returns the subjects whose rules hold for a user. */
  subjectsOf(visitor: Visitor): string[] {
    return subjectsOf(visitor, this.#digest);
  }
}
