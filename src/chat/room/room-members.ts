import type { Right } from "../../protocol/rights.ts";
import { type AccessChange, type AccessRule, type Grant, recheckedUser } from "../../store/access.ts";
import { RuleSet } from "../rights/rule-set.ts";
import { Forbidden, type NetworkDigest, type Visitor } from "../rights/visitor.ts";
import { type Member, visitorOf } from "./member.ts";

/** What `RoomMembers` needs from its room. */
export interface MembersDeps {
  readonly room: string;
  readonly networkDigest: NetworkDigest;
  /** The rules for all rooms. */
  readonly globalRules: RuleSet;
  /** As `MessageStore.now`. */
  readonly now: () => number;
  /** Called to end a membership. */
  readonly leave: (connection: string) => void;
}

/** The members of a room in this process, and what its access rules leave to them. */
export class RoomMembers {
  readonly #deps: MembersDeps;
  readonly #rules: RuleSet;
  /** By connection. Emptied by `remove`. */
  readonly #members = new Map<string, Member>();

  constructor(deps: MembersDeps) {
    this.#deps = deps;
    this.#rules = new RuleSet(deps.networkDigest, deps.globalRules);
  }

  get size(): number {
    return this.#members.size;
  }

  /** All members, as they are at the time of the call. */
  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** Adds a member, or replaces the one of its connection. Throws Forbidden if it may not be here. */
  add(member: Member): void {
    this.mustRead(visitorOf(member));
    this.#members.set(member.connection.id, member);
  }

  /** Removes a member and returns it; undefined if the connection has none. */
  remove(connection: string): Member | undefined {
    const member = this.#members.get(connection);
    this.#members.delete(connection);
    return member;
  }

  /** Returns a user's right here. */
  rightOf(visitor: Visitor): Right {
    return this.#rules.rightOf(visitor, this.#deps.now);
  }

  /** Throws Forbidden if a user may not read here. */
  mustRead(visitor: Visitor): void {
    if (this.rightOf(visitor) === "none") throw new Forbidden(this.#deps.room);
  }

  /** Replaces the access rules by those that were read from the store; `review` makes members follow them. */
  replaceRules(rules: readonly AccessRule[]): void {
    this.#rules.replace(rules);
  }

  /** Makes the change of an access entry, and tells the members whom it concerns. */
  enforce(change: AccessChange, id: string): void {
    const { subject, recheck } = change;
    this.#rules.apply(change, id);
    if (recheck === true) this.#recheck(subject);
    else this.ruleChanged(subject);
  }

  /** Tells the members whom a rule for a subject concerns. */
  ruleChanged(subject: string): void {
    const user = recheckedUser(subject);
    if (user !== undefined) this.#recheck(user);
    else for (const member of this.#concerned(subject)) this.rightChanged(member);
  }

  /** Ends the memberships that the access rules do not allow; returns the other members. */
  review(): readonly Member[] {
    for (const member of this.all) if (this.rightOf(visitorOf(member)) === "none") this.#expel(member);
    return this.all;
  }

  /** Tells a member what it may do now, or ends its membership; does nothing if it is no member. */
  rightChanged(member: Member): void {
    if (this.#members.get(member.connection.id) !== member) return;
    const right = this.rightOf(visitorOf(member));
    if (right === "none") this.#expel(member);
    else member.rightChanged(right);
  }

  /** What the embedding app granted the members, by user id. */
  get grants(): ReadonlyMap<string, Grant> {
    const users = this.all.filter(({ identity }) => identity.kind !== "program");
    return new Map(users.map(({ identity, base }) => [identity.user, base]));
  }

  #recheck(subject: string): void {
    for (const member of this.#concerned(subject)) member.recheck();
  }

  #concerned(subject: string): readonly Member[] {
    return this.all.filter((member) => this.#rules.concerns(subject, visitorOf(member)));
  }

  #expel(member: Member): void {
    this.#deps.leave(member.connection.id);
    member.expelled(new Forbidden(this.#deps.room).message);
  }
}
