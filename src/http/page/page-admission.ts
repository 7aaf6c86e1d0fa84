import type { FastifyReply, FastifyRequest } from "fastify";
import { type Counters, countOne } from "../../chat/counters.ts";
import { tooFast } from "../../chat/errors.ts";
import { RateLimiter } from "../../chat/limits/rate.ts";
import { networkOf } from "../../transport/client-address.ts";
import type { Gate } from "../../transport/gate.ts";
import { refuse } from "../api/error.ts";
import type { InFlightRequests } from "../api/in-flight-requests.ts";
import { PROBES } from "../health.ts";

/** Requests per second of one address for the page and its files. */
const PAGE_PER_SECOND = 500;

/**
 * Burst of these requests: five hundred users who share an address open the page, each with some ten files.
 */
const PAGE_BURST = 10_000;

/** Paths whose answers are computed for each request; machines and operators request them. */
const COMPUTED = [
  "/metrics",
  "/status/fleet",
  "/status/session",
  "/status/rooms",
  "/status/rooms/:room",
  "/status/rooms/:room/access",
  "/status/reports",
  "/status/reports/:report/dismiss",
];

/** Requests per second of one address for these paths, and their burst. */
const COMPUTED_PER_SECOND = 50;
const COMPUTED_BURST = 200;

/** How often addresses whose buckets are full are forgotten, ms. */
const SWEEP_MS = 5_000;

export interface PageAdmissionOptions {
  readonly gate: Gate;
  readonly underWay: InFlightRequests;
  readonly counters: Pick<Counters, "limited">;
  /** The path at which the surrounding app has mounted the chat. */
  readonly mountPath: string;
}

/**
 * Decides whether a request for the page, `/status` or `/metrics` is answered: by its host and by the rate of
 * its address.
 */
export class PageAdmission {
  readonly #options: PageAdmissionOptions;
  readonly #probes: ReadonlySet<string | undefined>;
  readonly #computed: ReadonlySet<string | undefined>;
  readonly #pageRates = new RateLimiter(PAGE_PER_SECOND, PAGE_BURST);
  readonly #computedRates = new RateLimiter(COMPUTED_PER_SECOND, COMPUTED_BURST);
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: PageAdmissionOptions) {
    this.#options = options;
    this.#probes = new Set(PROBES.map((path) => `${options.mountPath}${path}`));
    this.#computed = new Set(COMPUTED.map((path) => `${options.mountPath}${path}`));
  }

  /** An onRequest hook that answers rejected requests. Probes are never rejected. */
  readonly admit = async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const { gate, underWay, counters } = this.#options;
    const { url } = request.routeOptions;
    if (this.#probes.has(url)) return undefined;
    const misdirected = gate.checkHost(request);
    if (misdirected !== undefined) return refuse(reply, misdirected, misdirected.status);
    const rates = this.#computed.has(url) ? this.#computedRates : this.#pageRates;
    const retryAfterMs = rates.take(networkOf(gate.addresses.of(request)));
    if (retryAfterMs > 0) {
      countOne(counters.limited, "page-requests");
      return refuse(reply, {
        ...tooFast(retryAfterMs),
        message: "Too many requests come from your address.",
      });
    }
    const refused = underWay.begin(request, reply);
    return refused === undefined ? undefined : refuse(reply, refused);
  };

  /** Starts the timer that forgets addresses. */
  start(): void {
    this.#sweep = setInterval(() => {
      this.#pageRates.sweep();
      this.#computedRates.sweep();
    }, SWEEP_MS).unref();
  }

  /** Ends the timer. */
  stop(): void {
    clearInterval(this.#sweep);
  }
}
