import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Counters } from "../../chat/counters.ts";
import { countOne } from "../../chat/counters.ts";
import { Tally } from "../../chat/limits/tally.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";

/**
 * Requests of one network whose answers have not gone out. Each may hold an answer of 256 KiB. Five hundred people who open the page at
 * once have far fewer: an answer that its client reads is gone within milliseconds.
 */
export const REQUESTS_UNDER_WAY = 128;

/** How long a client may take to read an answer, ms. */
export const ANSWER_MS = 60_000;

/** How long a request may take to arrive, ms; longer than the program's own server gives it, which answers 408. */
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

/** Counts the requests of each network whose answers have not gone out, and ends those that nobody reads. */
export class InFlightRequests {
  readonly #addresses: ClientAddresses;
  readonly #limited: Counters["limited"];
  /** By response; each leaves when its response closes, or at the sweep after its connection has gone. */
  readonly #pending = new Map<ServerResponse, Pending>();
  readonly #byNetwork = new Tally();
  #timer: NodeJS.Timeout | undefined;

  constructor(addresses: ClientAddresses, { limited }: Pick<Counters, "limited">) {
    this.#addresses = addresses;
    this.#limited = limited;
  }

  /** Requests that are counted now. */
  get count(): number {
    return this.#pending.size;
  }

  /** Counts a request until its answer has gone out; returns why it is refused, or undefined. An upgrade is not counted. */
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

  /** Counts a request no longer, because its response has become something else. */
  release(response: ServerResponse): void {
    const pending = this.#pending.get(response);
    if (pending === undefined) return;
    this.#pending.delete(response);
    this.#byNetwork.remove(pending.network);
  }

  /** Ends the connections of requests that do not arrive in time, and of answers that are not read in time. */
  sweep(now = performance.now()): void {
    for (const { response, request, since } of this.#pending.values()) {
      // A response that waits behind another one is not told that their connection has gone.
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

  /** Begins to look for overdue answers regularly. */
  start(): void {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Ends the timer. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
