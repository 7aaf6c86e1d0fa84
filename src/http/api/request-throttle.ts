import { setTimeout } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { type Counters, countOne } from "../../chat/counters.ts";
import { tooFast } from "../../chat/errors.ts";
import type { RequestBudgets } from "../../chat/limits/request-budget.ts";
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
 * Throttles the HTTP requests of each address by its budget: a request waits for up to 2 s, and is rejected
 * if it would have to wait longer.
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
    const waitMs = this.#budgets.requests.spend(networkOf(this.#addresses.of(request)), cost);
    if (waitMs === undefined) {
      countOne(this.#budgets.counters.limited, "http-requests");
      return tooFast(RETRY_MS);
    }
    if (waitMs > 0) await setTimeout(waitMs);
    return undefined;
  }
}
