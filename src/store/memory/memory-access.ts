import type { Right } from "../../protocol/rights.ts";
import {
  type AccessChange,
  type AccessRule,
  EVERYBODY,
  encodeAccessChange,
  hasEnded,
  isMark,
  lowestRight,
  MAX_ACCESS_RULES,
  MAX_MARKS,
} from "../access.ts";
import type { Append } from "../store.ts";

/** Bytes that Node uses per rule besides its text. */
const RULE_BYTES = 300;

/** The access rules of one room of the memory store. */
export class MemoryAccess {
  /** By subject. Emptied by `change`, and by `sweep` of those that have ended. */
  readonly #rules = new Map<string, AccessRule>();
  #bytes = 0;

  get rules(): readonly AccessRule[] {
    return [...this.#rules.values()];
  }

  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /** Approximate bytes of memory. */
  get bytes(): number {
    return this.#bytes;
  }

  of(subject: string): AccessRule | undefined {
    return this.#rules.get(subject);
  }

  /** Returns the right that the rules leave to the sender of a message. */
  allowed({ user, guest, mayModerate = false }: Append, now: number): Right {
    if (this.isEmpty) return "write";
    const subjects = [user, EVERYBODY, guest?.subject ?? ""];
    const rules = subjects.map((subject) => this.#rules.get(subject));
    return lowestRight(mayModerate ? "moderate" : "write", rules, now);
  }

  /** Returns whether a change can be made; removes rules that have ended if there are too many. */
  hasSpaceFor({ subject, right }: AccessChange, now: number): boolean {
    if (right === undefined || this.#rules.has(subject) || this.#hasSpaceBeside(subject)) return true;
    this.sweep(now);
    return this.#hasSpaceBeside(subject);
  }

  #hasSpaceBeside(subject: string): boolean {
    const ofMark = isMark(subject);
    if (this.#rules.size < MAX_ACCESS_RULES) return true;
    const count = this.rules.filter((rule) => isMark(rule.subject) === ofMark).length;
    return count < (ofMark ? MAX_MARKS : MAX_ACCESS_RULES);
  }

  /** Removes the rules that have ended. */
  sweep(now: number): void {
    for (const rule of this.rules) if (hasEnded(rule, now)) this.#remove(rule.subject);
  }

  /** Makes a change, whose entry has that id. */
  change(change: AccessChange, id: string): void {
    if (change.recheck === true) return;
    this.#remove(change.subject);
    if (change.right === undefined) return;
    const rule = { ...change, right: change.right, id };
    this.#rules.set(change.subject, rule);
    this.#bytes += sizeOf(rule);
  }

  #remove(subject: string): void {
    const rule = this.#rules.get(subject);
    if (rule === undefined) return;
    this.#rules.delete(subject);
    this.#bytes -= sizeOf(rule);
  }
}

function sizeOf(rule: AccessRule): number {
  return RULE_BYTES + encodeAccessChange(rule).length;
}
