import { setTimeout } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { type Counters, countOne } from "../../chat/counters.ts";
import { tooFast } from "../../chat/errors.ts";
import type { RequestBudgets } from "../../chat/limits/request-budget.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";

/** A pause after which an address that has asked too much may ask again, ms. */
const RETRY_MS = 2_000;

/** What decides which HTTP requests are carried out. */
export interface Budgets {
  readonly counters: Counters;
  readonly requests: RequestBudgets;
}

/** Lets the HTTP requests of each address pass as fast as its budget allows: what is too early waits for up to 2 s, and is refused beyond. */
export class RequestThrottle {
  readonly #budgets: Budgets;
  readonly #addresses: ClientAddresses;

  constructor(budgets: Budgets, addresses: ClientAddresses) {
    this.#budgets = budgets;
    this.#addresses = addresses;
  }

  /** Fulfils when a request may be carried out, or with the reason why it is refused. An upgrade has limits of its own. */
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
