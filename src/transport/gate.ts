import type { FastifyRequest } from "fastify";
import type { ErrorReply } from "../chat/result.ts";
import type { ClientAddresses } from "./client-address.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { type HostPolicy, MISDIRECTED } from "./hosts.ts";
import type { OriginPolicy } from "./origin.ts";

/** The rules of admission. */
export interface GateRules {
  readonly addresses: ClientAddresses;
  readonly hosts: HostPolicy;
  readonly origins: OriginPolicy;
  readonly limits: ConnectionLimits;
  /** Whether this process is about to end. */
  readonly isDraining: () => boolean;
  /** Returns why this process is overloaded; undefined = it is not. */
  readonly overload: () => string | undefined;
}

/** Why a request or a connection is rejected, and the HTTP status of the answer. */
export interface Rejection extends ErrorReply {
  readonly status: 403 | 421 | 429 | 503;
}

/** Pause before a client retries whose address has too many connections, ms. */
const FULL_RETRY_MS = 5_000;

/**
 * Admission control: decides whether a request is answered, and whether one more socket or event stream may
 * be opened.
 */
export class Gate {
  readonly addresses: ClientAddresses;
  readonly #rules: GateRules;

  constructor(rules: GateRules) {
    this.addresses = rules.addresses;
    this.#rules = rules;
  }

  get isDraining(): boolean {
    return this.#rules.isDraining();
  }

  get overload(): string | undefined {
    return this.#rules.overload();
  }

  /** Returns why the host of a request is rejected; undefined = it is allowed. */
  checkHost(request: FastifyRequest): Rejection | undefined {
    const message = this.#rules.hosts.refusal(request);
    return message === undefined ? undefined : { status: MISDIRECTED, code: "forbidden", message };
  }

  /**
   * Returns why the origin of a request is rejected; undefined = it is allowed, or no page sent the request.
   */
  checkOrigin(request: FastifyRequest): Rejection | undefined {
    const message = this.#rules.origins.refusal(request);
    return message === undefined ? undefined : { status: 403, code: "forbidden", message };
  }

  /**
   * Returns why a request may not open a connection now; undefined = it may, and is counted in the rate of
   * its address.
   */
  checkConnection(request: FastifyRequest): Rejection | undefined {
    const rejected = this.checkCapacity(request);
    if (rejected !== undefined) return rejected;
    const waitMs = this.#rules.limits.connect(this.addresses.of(request));
    return waitMs === 0 ? undefined : tooMany("Connections are opened too fast from your address.", waitMs);
  }

  /** Returns why there cannot be one more connection now; undefined = there can. Counts nothing in a rate. */
  checkCapacity(request: FastifyRequest): Rejection | undefined {
    if (this.isDraining) return unavailable("This server is restarting; try again.");
    const full = this.#rules.limits.full(this.addresses.of(request));
    if (full === "process") return unavailable("This server has no room for another connection.");
    const { overload } = this;
    if (overload !== undefined) return unavailable(`This server has too much to do: ${overload}.`);
    return full === undefined
      ? undefined
      : tooMany("There are too many connections from your address.", FULL_RETRY_MS);
  }
}

function unavailable(message: string): Rejection {
  return { status: 503, code: "unavailable", message };
}

function tooMany(message: string, retryAfterMs: number): Rejection {
  return { status: 429, code: "rate-limited", message, retryAfterMs };
}
