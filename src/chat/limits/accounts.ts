import { LIMITS } from "../../protocol/limits.ts";
import { type Counters, countOne } from "../counters.ts";
import { tooFast, tooManyConnections } from "../errors.ts";
import type { Identity } from "../identity.ts";
import type { ErrorReply } from "../result.ts";
import { ViolationWindow } from "./violation-window.ts";

/** Limits of users of the site and of programs. */
export interface AccountLimits {
  /** Sockets and event streams of one user of the site; 0 = no limit. */
  readonly maxConnectionsPerUser: number;
  /** How many times as much as one user of the site one program may do. */
  readonly programFactor: number;
}

/** Returns how many times as much as a user of the site a user may do. */
export function factorOf({ kind }: Pick<Identity, "kind">, programFactor: number): number {
  return kind === "program" ? programFactor : 1;
}

/** One user of the site, or one program, on this process, over all connections. */
export class Account {
  connections = 0;
  readonly #refusals = new ViolationWindow(LIMITS.refusals, LIMITS.refusalWindowMs);

  /**
   * Counts a refusal as `rate-limited`; returns whether the user was refused so often that the connection
   * must be closed, although no single connection may have been.
   */
  refused(now: number = performance.now()): boolean {
    return this.#refusals.add(now);
  }

  /** Milliseconds for which the user may open no connection because of the refusals; 0 = none. */
  waitMs(now: number): number {
    return this.#refusals.waitMs(now);
  }

  isIdle(now: number): boolean {
    return this.connections === 0 && this.#refusals.isEmpty(now);
  }

  /** Notes that a connection is gone. */
  disconnect(): void {
    this.connections -= 1;
  }
}

/**
 * Counts the connections and the refusals of each user of the site and of each program in this process.
 * Guests are not counted: they can be made without end, so they are limited by address.
 */
export class Accounts {
  readonly #limits: AccountLimits;
  readonly #limited: Counters["limited"];
  /** By user id. Emptied by `sweep`. */
  readonly #accounts = new Map<string, Account>();

  constructor(limits: AccountLimits, { limited }: Pick<Counters, "limited">) {
    this.#limits = limits;
    this.#limited = limited;
  }

  /** Number of users that are counted. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Returns why the user may not open one more connection; undefined = the user may. */
  refusal(identity: Identity, now: number = performance.now()): ErrorReply | undefined {
    const account = this.#accounts.get(identity.user);
    if (account === undefined) return undefined;
    const { maxConnectionsPerUser, programFactor } = this.#limits;
    const most = maxConnectionsPerUser * factorOf(identity, programFactor);
    if (most > 0 && account.connections >= most) {
      countOne(this.#limited, "user-connections");
      return tooManyConnections();
    }
    const waitMs = account.waitMs(now);
    if (waitMs === 0) return undefined;
    countOne(this.#limited, "user-refusals");
    return tooFast(waitMs);
  }

  /** Counts a connection, until `Account.disconnect`; returns undefined for a guest. */
  connect({ kind, user }: Identity): Account | undefined {
    if (kind === "guest") return undefined;
    const account = this.#accounts.get(user) ?? new Account();
    this.#accounts.set(user, account);
    account.connections += 1;
    return account;
  }

  /** Forgets the users without connections and without recent refusals. To be called regularly. */
  sweep(now: number = performance.now()): void {
    for (const [user, account] of this.#accounts) {
      if (account.isIdle(now)) this.#accounts.delete(user);
    }
  }
}
