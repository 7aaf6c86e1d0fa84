import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Counters } from "../../chat/counters.ts";
import { countOne } from "../../chat/counters.ts";
import { Tally } from "../../chat/limits/tally.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";

/**
 * Most requests of one network whose answers are not sent completely. Each may hold an answer of 256 KiB.
 * Five hundred users who open the page at once need far fewer: an answer that its client reads is sent within
 * milliseconds.
 */
export const REQUESTS_UNDER_WAY = 128;

/** How long a client may take to read an answer, ms. */
export const ANSWER_MS = 60_000;

/**
 * How long a request may take to arrive, ms; longer than the time limit of the program's own server, which
 * answers 408.
 */
const ARRIVAL_MS = 35_000;

/** How often overdue answers are looked for, ms. */
const SWEEP_MS = 2_000;

const TOO_MANY: ErrorReply = {
  code: "rate-limited",
  message: "Too many requests from your address wait for their answers.",
  retryAfterMs: 1_000,
};

interface Pending {
  readonly response: ServerResponse;
  readonly request: FastifyRequest["raw"];
  readonly network: string;
  readonly since: number;
}

/**
 * Counts the requests of each network whose answers are not sent completely, and ends those whose clients do
 * not read.
 */
export class InFlightRequests {
  readonly #addresses: ClientAddresses;
  readonly #limited: Counters["limited"];
  /**
   * Requests by response; each is removed when its response closes, or by the sweep after its connection has
   * closed.
   */
  readonly #pending = new Map<ServerResponse, Pending>();
  readonly #byNetwork = new Tally();
  #timer: NodeJS.Timeout | undefined;

  constructor(addresses: ClientAddresses, { limited }: Pick<Counters, "limited">) {
    this.#addresses = addresses;
    this.#limited = limited;
  }

  /** Number of requests that are counted now. */
  get count(): number {
    return this.#pending.size;
  }

  /**
   * Counts a request until its answer is sent; returns why it is rejected, undefined = it is not. An upgrade
   * is not counted.
   */
  begin(request: FastifyRequest, reply: FastifyReply): ErrorReply | undefined {
    const { raw } = request;
    const response = reply.raw;
    if (raw.headers.upgrade !== undefined) return undefined;
    const network = networkOf(this.#addresses.of(request));
    if (this.#byNetwork.of(network) >= REQUESTS_UNDER_WAY) {
      countOne(this.#limited, "address-requests");
      return TOO_MANY;
    }
    this.#byNetwork.add(network);
    this.#pending.set(response, { response, request: raw, network, since: performance.now() });
    const release = () => this.release(response);
    response.once("finish", release).once("close", release);
    return undefined;
  }

  /** Stops counting a request, because its response has become an event stream. */
  release(response: ServerResponse): void {
    const pending = this.#pending.get(response);
    if (pending === undefined) return;
    this.#pending.delete(response);
    this.#byNetwork.remove(pending.network);
  }

  /**
   * Ends the connections of requests that do not arrive in time, and of answers that are not read in time.
   */
  sweep(now = performance.now()): void {
    for (const { response, request, since } of this.#pending.values()) {
      // A response that waits for an earlier one gets no event when their connection closes.
      if (request.socket.destroyed) this.release(response);
      else if (request.complete === false && now - since >= ARRIVAL_MS) {
        countOne(this.#limited, "request-time");
        request.socket.destroy();
      } else if (response.writableEnded && now - since >= ANSWER_MS) {
        countOne(this.#limited, "answer-time");
        request.socket.destroy();
      }
    }
  }

  /** Starts the timer that looks for overdue answers. */
  start(): void {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Ends the timer. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
