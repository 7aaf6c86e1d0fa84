import { timeOf } from "../../protocol/ids.ts";
import type { Right } from "../../protocol/rights.ts";
import {
  type AccessChange,
  type AccessRule,
  EVERYBODY,
  type Grant,
  recheckedUser,
} from "../../store/access.ts";
import type { GlobalRules } from "../rights/global-rules.ts";
import { RuleSet } from "../rights/rule-set.ts";
import { Forbidden, type NetworkDigest, type Visitor } from "../rights/visitor.ts";
import { type Member, visitorOf } from "./member.ts";

/** Users of whom it is kept that the app is to be asked again. */
const RECHECKS_KEPT = 1_000;

/** What `RoomMembers` needs from its room. */
export interface MembersDeps {
  readonly room: string;
  readonly networkDigest: NetworkDigest;
  readonly globalRules: Pick<GlobalRules, "set" | "recheckedAt" | "isSignedOut">;
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
  /** When the app was to be asked again, by user, ms by the store's clock; at most `RECHECKS_KEPT`. */
  readonly #rechecks = new Map<string, number>();
  /** The newest of those that are no longer kept: it stands for everybody. */
  #allRecheckedAt = 0;

  constructor(deps: MembersDeps) {
    this.#deps = deps;
    this.#rules = new RuleSet(deps.networkDigest, deps.globalRules.set);
  }

  get size(): number {
    return this.#members.size;
  }

  get any(): Member | undefined {
    const [first] = this.#members.values();
    return first;
  }

  /** All members, as they are at the time of the call. */
  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** Adds a member, or replaces the one of its connection. Throws Forbidden if it may not be here. */
  add(member: Member): void {
    this.mustRead(visitorOf(member));
    this.#members.set(member.connection.id, member);
    // The app was asked before it was to be asked again, while the member was on its way in.
    if (member.base.at <= this.#recheckedAt(member.identity.user)) member.recheck();
  }

  /** Notes that the app is to be asked again about a user (`*` = everybody), also about those who join now. */
  noteRecheck(user: string, id: string): void {
    this.#rechecks.delete(user);
    this.#rechecks.set(user, timeOf(id));
    if (this.#rechecks.size <= RECHECKS_KEPT) return;
    const [oldest] = this.#rechecks;
    if (oldest === undefined) return;
    this.#rechecks.delete(oldest[0]);
    this.#allRecheckedAt = Math.max(this.#allRecheckedAt, oldest[1]);
  }

  /** Removes a member and returns it; undefined if the connection has none. */
  remove(connection: string): Member | undefined {
    const member = this.#members.get(connection);
    this.#members.delete(connection);
    return member;
  }

  /** Returns a user's right here; `none` if they were signed out since they were identified. */
  rightOf(visitor: Visitor): Right {
    const { identity } = visitor;
    if (identity !== undefined && this.#deps.globalRules.isSignedOut(identity)) return "none";
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
    if (recheck !== true) {
      this.ruleChanged(subject);
      return;
    }
    this.noteRecheck(subject, id);
    this.#recheck(subject);
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

  #recheckedAt(user: string): number {
    const { globalRules } = this.#deps;
    const here = [user, EVERYBODY].map((subject) => this.#rechecks.get(subject) ?? 0);
    return Math.max(...here, this.#allRecheckedAt, globalRules.recheckedAt(user));
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
