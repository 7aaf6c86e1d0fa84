import { setTimeout } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { type Counters, countOne } from "../../chat/counters.ts";
import { tooFast } from "../../chat/errors.ts";
import { COST, type RequestBudgets, type Spender } from "../../chat/limits/request-budget.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";

/** Pause before an address without budget may retry, ms. */
const RETRY_MS = 2_000;

/** The budgets and counters of HTTP requests. */
export interface Budgets {
  readonly counters: Counters;
  readonly requests: RequestBudgets;
}

/**
 * Throttles the HTTP requests of each address, and of each user who is no guest, by their budgets: a request
 * waits for up to 2 s, and is rejected if it would have to wait longer.
 */
export class RequestThrottle {
  readonly #budgets: Budgets;
  readonly #addresses: ClientAddresses;

  constructor(budgets: Budgets, addresses: ClientAddresses) {
    this.#budgets = budgets;
    this.#addresses = addresses;
  }

  /**
   * Fulfils with undefined when a request may be handled, or with the reason why it is rejected. Upgrades
   * have limits of their own.
   */
  async of(request: FastifyRequest, cost: number): Promise<ErrorReply | undefined> {
    if (request.raw.headers.upgrade !== undefined) return undefined;
    return this.#wait(this.#budgets.requests.spend(networkOf(this.#addresses.of(request)), cost));
  }

  /** As `of`, for a user of the site or a program whose requests may come from many addresses. */
  async ofUser(identity: Spender): Promise<ErrorReply | undefined> {
    return this.#wait(this.#budgets.requests.spendOfUser(identity, COST.request));
  }

  async #wait(waitMs: number | undefined): Promise<ErrorReply | undefined> {
    if (waitMs === undefined) {
      countOne(this.#budgets.counters.limited, "http-requests");
      return tooFast(RETRY_MS);
    }
    if (waitMs > 0) await setTimeout(waitMs);
    return undefined;
  }
}
