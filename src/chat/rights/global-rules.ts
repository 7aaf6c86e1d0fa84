import type { Logger } from "../../logging/logger.ts";
import { BEGINNING, compareIds, timeOf } from "../../protocol/ids.ts";
import type { Right } from "../../protocol/rights.ts";
import {
  type AccessChange,
  type AccessRule,
  ALL_ROOMS,
  EVERYBODY,
  isLater,
  isMark,
  lowestRight,
  networkSubject,
  recheckSubject,
  signOutSubject,
} from "../../store/access.ts";
import { type MessageStore, type RoomSubscriber, StoreUnavailable } from "../../store/store.ts";
import type { Identity } from "../identity.ts";
import { checkedEntry } from "../room/checked-entry.ts";
import { RuleSet } from "./rule-set.ts";
import type { NetworkDigest, Visitor } from "./visitor.ts";

/**
 * How often the newest change is compared with the store's, ms: a publication that was lost is noticed after
 * that time at the latest.
 */
const AUDIT_MS = 5_000;

/**
 * Networks of a guest for which one process makes a rule: a guest with many must not fill the place of all
 * rules.
 */
const NETWORKS_PER_RULE = 16;

/** Follows changes of the rules for all rooms. */
export interface GlobalRulesListener {
  /** Called after the rule or the mark of a subject has changed. */
  globalRuleChanged(subject: string): void;
  /** Returns the networks of a guest's connections to this process. */
  networksOf(guest: string): Iterable<string>;
}

/**
 * The access rules that hold in all rooms, and the marks that users were signed out or are to be asked for
 * again. Every process keeps all of them from its start: they are read from the store before the process
 * serves, and each time the subscription is renewed; between that, changes are published.
 */
export class GlobalRules implements RoomSubscriber {
  readonly set: RuleSet;
  /** Apart from the rules: as long as there are none, the right of a user is found without a search. */
  readonly #marks: RuleSet;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #listener: GlobalRulesListener;
  readonly #digest: NetworkDigest;
  /** The id of the newest change that is known. */
  #head = BEGINNING;
  #isSubscribed = false;
  /** The reading of the store under way; `isStale`: something arrived that it may not have seen. */
  #reading: { readonly ended: Promise<void>; isStale: boolean } | undefined;
  /** The look at the store's newest change that began last, and the one that begins after it. */
  #look = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  #audit: NodeJS.Timeout | undefined;

  constructor(
    store: MessageStore,
    networkDigest: NetworkDigest,
    logger: Logger,
    listener: GlobalRulesListener,
  ) {
    this.#digest = networkDigest;
    this.set = new RuleSet(networkDigest);
    this.#marks = new RuleSet(networkDigest);
    this.#store = store;
    this.#logger = logger;
    this.#listener = listener;
  }

  /** Starts the audit of the newest change; `close` ends it. */
  start(): void {
    this.#audit = setInterval(this.#compare, AUDIT_MS).unref();
  }

  close(): void {
    clearInterval(this.#audit);
  }

  /** Subscribes to changes and reads all rules. Rejects with StoreUnavailable if that was not possible. */
  async catchUp(): Promise<void> {
    if (!this.#isSubscribed) await this.#store.subscribe(ALL_ROOMS, this);
    this.#isSubscribed = true;
    await this.#read();
  }

  /**
   * Returns the right that the rules in the store leave to a user in a room, which may be later than those
   * that this process knows of the room. Rejects with StoreUnavailable.
   */
  async rightInStore(room: string, visitor: Visitor): Promise<Right> {
    const subjects = this.set.subjectsOf(visitor);
    const marks = signOutsOf(visitor.identity);
    const [ofRoom, global] = await Promise.all([
      this.#store.accessRulesOf(room, subjects),
      this.#store.accessRulesOf(ALL_ROOMS, [...subjects, ...marks]),
    ]);
    if (isBefore(visitor.identity, global.slice(subjects.length))) return "none";
    return lowestRight(visitor.base, [...ofRoom, ...global], this.#store.now());
  }

  /**
   * Fulfils when this process knows all changes that were stored before the call. What a room reads from the
   * store may be later than a change that has not arrived yet; what it gets on its channel is not, because
   * all channels have one connection. Rejects with StoreUnavailable.
   */
  current(): Promise<void> {
    // One look for all rooms that ask meanwhile: the next that begins.
    this.#nextLook ??= this.#look.catch(() => undefined).then(() => this.#lookNow());
    return this.#nextLook;
  }

  /**
   * Returns whether a user of the site was signed out after what identifies them was issued. A token that
   * does not say when it was issued is older than every sign-out.
   */
  isSignedOut(identity: Identity): boolean {
    if (identity.kind !== "site") return false;
    return isBefore(
      identity,
      signOutsOf(identity).map((subject) => this.#marks.of(subject)),
    );
  }

  /** Returns since when the embedding app is to be asked again about a user, ms by the store's clock. */
  recheckedAt(user: string): number {
    const marks = [user, EVERYBODY].map((subject) => this.#markedAt(recheckSubject(subject)));
    return Math.max(...marks);
  }

  /** Makes a change that this process has stored, before it is published. */
  apply(change: AccessChange, id: string): void {
    const set = isMark(change.subject) ? this.#marks : this.set;
    if (set.apply(change, id)) this.#changed(change.subject);
  }

  onPublication(payload: Buffer, access?: AccessChange): void {
    const entry = checkedEntry(ALL_ROOMS, payload, access);
    if (entry?.access === undefined || entry.prev !== this.#head || this.#reading !== undefined) {
      this.#readAgain();
      return;
    }
    this.#head = entry.id;
    this.apply(entry.access, entry.id);
  }

  onUnverified(): void {
    this.#readAgain();
  }

  /** Reads all rules, because a change may be missing here. */
  #readAgain(): void {
    if (this.#reading !== undefined) this.#reading.isStale = true;
    else void this.#read().catch((error: unknown) => this.#failed(error));
  }

  async #read(): Promise<void> {
    // A reading under way may have begun before the subscription was renewed.
    while (this.#reading !== undefined) await this.#reading.ended.catch(() => undefined);
    const ended = this.#readAll();
    const reading = { ended, isStale: false };
    this.#reading = reading;
    try {
      await ended;
    } finally {
      this.#reading = undefined;
    }
    if (reading.isStale) await this.#read();
  }

  async #readAll(): Promise<void> {
    // Before the rules: a change that comes between the two arrives again, or is found by the next audit.
    const [head = BEGINNING] = await this.#store.heads([ALL_ROOMS]);
    const rules = await this.#store.accessRules(ALL_ROOMS);
    const before = this.#head;
    this.#head = head;
    const changed = [
      ...this.set.replace(rules.filter(({ subject }) => !isMark(subject))),
      ...this.#marks.replace(rules.filter(({ subject }) => isMark(subject))),
    ];
    // A stream that is only empty has expired; its rules are kept apart.
    if (compareIds(head, before) < 0 && changed.length > 0)
      this.#logger.error({ event: "access", head: before, newHead: head }, "the store has lost access rules");
    for (const subject of changed) this.#changed(subject);
  }

  #changed(subject: string): void {
    const rule = this.set.of(subject);
    // Before the guest's connections leave their rooms, or are closed.
    if (rule?.address === true) this.#addNetworks(rule);
    this.#listener.globalRuleChanged(subject);
  }

  /** Makes the rule for a guest also for the networks of the guest's connections to this process. */
  #addNetworks({ id, address: _, ...rule }: AccessRule): void {
    const networks = [...new Set(this.#listener.networksOf(rule.subject))];
    if (networks.length > NETWORKS_PER_RULE) {
      const fields = { event: "access", user: rule.subject, networks: networks.length };
      this.#logger.warn(fields, "a guest is connected from more addresses than are shut out");
    }
    for (const digest of networks.slice(0, NETWORKS_PER_RULE).map(this.#digest)) {
      if (digest === undefined) continue;
      const subject = networkSubject(digest);
      // Another process, or this one before it read the rules again, may have made it.
      if (!isLater(id, this.set.of(subject)?.id)) continue;
      void this.#addNetwork({ ...rule, subject });
    }
  }

  async #addNetwork(change: AccessChange): Promise<void> {
    const changed = await this.#store.changeAccess(ALL_ROOMS, change);
    const { subject, right, by } = change;
    const fields = { event: "access", user: subject, right, by, outcome: changed.outcome };
    if (changed.outcome === "stored") this.#logger.info(fields, "an access rule was changed");
    else this.#logger.error(fields, "a guest's address could not be shut out");
  }

  #lookNow(): Promise<void> {
    this.#nextLook = undefined;
    const look = this.#readIfBehind();
    this.#look = look;
    return look;
  }

  async #readIfBehind(): Promise<void> {
    const [head = BEGINNING] = await this.#store.heads([ALL_ROOMS]);
    if (head !== this.#head) await this.#read();
  }

  readonly #compare = (): void => {
    if (!this.#isSubscribed || this.#store.status.state !== "live") return;
    this.current().catch((error: unknown) => this.#failed(error));
  };

  #failed(error: unknown): void {
    const fields = { event: "access", err: error };
    // The next audit, or the return of the store, reads them again.
    if (error instanceof StoreUnavailable) this.#logger.info(fields, "the store did not answer");
    else this.#logger.error(fields, "reading the rules for all rooms failed");
  }

  #markedAt(subject: string): number {
    const mark = this.#marks.of(subject);
    return mark === undefined ? 0 : timeOf(mark.id);
  }
}

/** Returns the subjects of the sign-outs that concern a user: those of the site only. */
function signOutsOf(identity: Identity | undefined): readonly string[] {
  return identity?.kind === "site" ? [identity.user, EVERYBODY].map(signOutSubject) : [];
}

/** Returns whether what identifies a user was issued before one of the marks was made. */
function isBefore(identity: Identity | undefined, marks: readonly (AccessRule | undefined)[]): boolean {
  const issuedAt = identity?.issuedAt ?? 0;
  return marks.some((mark) => mark !== undefined && issuedAt < timeOf(mark.id));
}
