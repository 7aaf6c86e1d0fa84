import type { FastifyReply, FastifyRequest } from "fastify";
import { type Counters, countOne } from "../../chat/counters.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { ApiKeys, Program } from "../../identity/api-keys.ts";
import { KeyAttempts } from "../../identity/key-attempts.ts";
import type { Logger } from "../../logging/logger.ts";
import { ThrottledLogger } from "../../logging/throttled-logger.ts";
import { type ClientAddresses, networkOf } from "../../transport/client-address.ts";
import { refuse } from "./error.ts";

/** `Authorization: Bearer <key>` (RFC 6750, section 2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i;

const NO_KEYS = failure({
  code: "forbidden",
  message: "This server takes no programs: it has no API_KEYS.",
} as const);
const NEEDS_KEY = failure({
  code: "unauthorized",
  message: "This needs a key: Authorization: Bearer <key>.",
} as const);
/** The program's key does not have the right `operate`. */
export const NOT_OPERATOR = failure({
  code: "forbidden",
  message: "This key may not see the state of the server: it has no right `operate`.",
} as const);
const WRONG_KEY = failure({ code: "unauthorized", message: "Nobody has this key." } as const);

function tooManyWrong(retryAfterMs: number): ErrorReply {
  return {
    code: "rate-limited",
    message: "Too many wrong keys came from your address; wait a moment.",
    retryAfterMs,
  };
}

/** Dependencies that count and log wrong keys. */
export interface KeyWatch {
  readonly addresses: ClientAddresses;
  readonly counters: Pick<Counters, "limited">;
  readonly logger: Logger;
}

/**
 * Checks the API keys of requests, on all routes. After ten wrong keys of an address within a minute, no
 * key of that address is tried until the minute is over, except keys that it used with success before.
 */
export class ProgramKeys {
  readonly #keys: ApiKeys;
  readonly #watch: KeyWatch;
  readonly #throttled: ThrottledLogger;
  readonly #attempts = new KeyAttempts();

  constructor(keys: ApiKeys, watch: KeyWatch) {
    this.#keys = keys;
    this.#watch = watch;
    this.#throttled = new ThrottledLogger(watch.logger);
  }

  /**
   * Returns the program that sent a request, by its bearer key; fails with `forbidden`, `unauthorized` or
   * `rate-limited`.
   */
  sender(request: FastifyRequest): Result<Program> {
    if (this.#keys.isEmpty) return NO_KEYS;
    const { authorization } = request.headers;
    if (authorization === undefined) return NEEDS_KEY;
    const key = BEARER.exec(authorization)?.[1];
    return key === undefined ? WRONG_KEY : this.owner(key, request);
  }

  /** Returns the program with a key from another part of a request; fails as `sender` does. */
  owner(key: string, request: FastifyRequest): Result<Program> {
    if (this.#keys.isEmpty) return NO_KEYS;
    const network = networkOf(this.#watch.addresses.of(request));
    const program = this.#keys.recognise(key);
    const waitMs = this.#attempts.add(network, program?.user);
    if (waitMs > 0) {
      countOne(this.#watch.counters.limited, "wrong-keys");
      this.#throttled.log("warn", "too many wrong API keys from one address", {
        event: "wrong-keys",
        network,
      });
      return failure(tooManyWrong(waitMs));
    }
    return program === undefined ? WRONG_KEY : success(program);
  }

  /** As `sender`, for a request that only an operator may send: also fails with `forbidden` for other programs. */
  operator(request: FastifyRequest): Result<Program> {
    const program = this.sender(request);
    return program.ok && !program.value.mayOperate ? NOT_OPERATOR : program;
  }

  /**
   * A preHandler that accepts programs that may operate, and answers all other requests: 403 if the server
   * has no keys or the program may not, 401 without a key or with an unknown one, 429 after too many wrong
   * ones.
   */
  readonly only = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const program = this.operator(request);
    return program.ok ? undefined : refuse(reply, program.error);
  };
}
