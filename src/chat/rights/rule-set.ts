import type { Right } from "../../protocol/rights.ts";
import { type AccessChange, type AccessRule, EVERYBODY, isLater, lowestRight } from "../../store/access.ts";
import { type NetworkDigest, subjectsOf, type Visitor } from "./visitor.ts";

/**
 * Access rules as a process knows them: those of one room, as they are after the room's newest entry, or
 * those for all rooms.
 */
export class RuleSet {
  readonly #digest: NetworkDigest;
  readonly #forAllRooms: RuleSet | undefined;
  /** By subject; bounded by the store (`MAX_ACCESS_RULES`). */
  #rules = new Map<string, AccessRule>();

  /** @param forAllRooms rules that hold besides these. */
  constructor(digest: NetworkDigest, forAllRooms?: RuleSet) {
    this.#digest = digest;
    this.#forAllRooms = forAllRooms;
  }

  /**
   * Replaces all rules by those that were read from the store; returns the subjects whose rules are others
   * now.
   */
  replace(rules: readonly AccessRule[]): readonly string[] {
    const before = this.#rules;
    this.#rules = new Map(rules.map((rule) => [rule.subject, rule]));
    const subjects = new Set([...before.keys(), ...this.#rules.keys()]);
    return [...subjects].filter((subject) => before.get(subject)?.id !== this.#rules.get(subject)?.id);
  }

  /**
   * Makes the change of the entry with that id, and returns whether it did. It does not if the rule is a
   * later one: it was read from the store after that entry.
   */
  apply(change: AccessChange, id: string): boolean {
    const { subject, right, recheck } = change;
    if (recheck === true || !isLater(id, this.#rules.get(subject)?.id)) return false;
    if (right === undefined) this.#rules.delete(subject);
    else this.#rules.set(subject, { ...change, right, id });
    return true;
  }

  /** Returns the rule for a subject. */
  of(subject: string): AccessRule | undefined {
    return this.#rules.get(subject);
  }

  /** Returns the right that the rules leave to a user at a time of the store's clock. */
  rightOf(visitor: Visitor, now: () => number): Right {
    if (this.#isEmpty) return visitor.base;
    return lowestRight(visitor.base, this.#rulesOf(visitor), now());
  }

  /** Returns whether a rule for a subject is about a user. */
  concerns(subject: string, visitor: Visitor): boolean {
    return subject === EVERYBODY || this.subjectsOf(visitor).includes(subject);
  }

  /** Returns the subjects whose rules hold for a user. */
  subjectsOf(visitor: Visitor): string[] {
    return subjectsOf(visitor, this.#digest);
  }

  get #isEmpty(): boolean {
    return this.#rules.size === 0 && (this.#forAllRooms === undefined || this.#forAllRooms.#isEmpty);
  }

  #rulesOf(visitor: Visitor): (AccessRule | undefined)[] {
    const subjects = this.subjectsOf(visitor);
    const others = this.#forAllRooms;
    return subjects.flatMap((subject) => [this.#rules.get(subject), others?.of(subject)]);
  }
}
