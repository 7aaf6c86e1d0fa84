import type { Identity } from "../identity.ts";

/**
 * Cost of one request, as the limits of requests per second count them; cheaper requests cost a part of it.
 */
const REQUEST = 20;

/** Costs of frames and requests; a unit is about 20 µs of the server's time. */
export const COST = {
  /** Reading a frame of any kind; each KiB of it costs 1 more. */
  frame: 1,
  /** A KiB of messages that are read for a connection. */
  answeredKib: 1,
  /** Any error answer. */
  refusal: 4,
  /** A new handle, per room that is told of it. */
  rename: REQUEST,
  request: REQUEST,
} as const;

/** Burst, in seconds of the rate. */
const BURST_SECONDS = 4;

/** How long a request over HTTP waits for budget at most, ms. */
const LONGEST_WAIT_MS = 2_000;

/** Limits of requests per second. */
export interface RequestLimits {
  /** Of one connection; 0 = no limit. */
  readonly requestsPerSecond: number;
  /**
   * Of all connections and HTTP requests of one address in this process, and of one user of the site; 0 = no
   * limit.
   */
  readonly addressRequestsPerSecond: number;
  /** How many times as much as one user of the site one program may do. */
  readonly programFactor: number;
  /** Added to the burst of a connection: after a restart a client joins all its rooms at once. */
  readonly maxRoomsPerConnection: number;
}

/** The user who sends requests. */
export type Spender = Pick<Identity, "user" | "kind">;

/** How fast a budget is refilled, and how much it holds; all budgets of a kind share one object. */
interface Rate {
  readonly perMs: number;
  readonly burst: number;
}

/**
 * Returns the rate of `perSecond` requests per second (0 = no limit) with a burst of `BURST_SECONDS` of them
 * and `more` requests.
 */
function rateOf(perSecond: number, more: number): Rate {
  const burst = (BURST_SECONDS * perSecond + more) * REQUEST;
  return { perMs: (perSecond * REQUEST) / 1000, burst: perSecond === 0 ? Number.POSITIVE_INFINITY : burst };
}

/**
 * A token bucket that is spent first and checked afterwards: one request may make it negative, and the debt
 * is paid by what is refilled. It is refilled only when it is empty, so that spending reads no clock; in the
 * worst case two bursts follow each other.
 */
class Bucket {
  readonly #rate: Rate;
  #left: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#at = now;
  }

  spend(cost: number): void {
    this.#left -= cost;
  }

  get isEmpty(): boolean {
    return this.#left <= 0;
  }

  /** Refills the bucket for the time since the last call. */
  fill(now: number): void {
    const { perMs, burst } = this.#rate;
    if (perMs > 0) this.#left = Math.min(burst, this.#left + (now - this.#at) * perMs);
    this.#at = now;
  }

  /** Milliseconds until it is not empty, as of the last `fill`; 0 = it is not empty. */
  get waitMs(): number {
    return this.isEmpty ? Math.ceil((1 - this.#left) / this.#rate.perMs) : 0;
  }

  isFull(now: number): boolean {
    this.fill(now);
    return this.#left >= this.#rate.burst;
  }
}

/**
 * The bucket of one address, or of one user, the number of connections that use it, and how many of an
 * address wait for budget.
 */
class SharedBucket extends Bucket {
  connections = 0;
  waiting = 0;
}

/** The budgets of all connections and addresses of a process, spent by what their requests cost. */
export class RequestBudgets {
  readonly #own: Rate;
  readonly #ofAddress: Rate;
  readonly #ofProgram: Rate;
  /**
   * Buckets of addresses with connections or with HTTP requests within the last seconds; `sweep` removes the
   * others.
   */
  readonly #networks = new Map<string, SharedBucket>();
  /** The same of users of the site and of programs, by user id. */
  readonly #users = new Map<string, SharedBucket>();

  constructor(limits: RequestLimits) {
    this.#own = rateOf(limits.requestsPerSecond, limits.maxRoomsPerConnection);
    this.#ofAddress = rateOf(limits.addressRequestsPerSecond, 0);
    this.#ofProgram = rateOf(limits.programFactor * limits.addressRequestsPerSecond, 0);
  }

  /** Number of addresses and users with a bucket. */
  get size(): number {
    return this.#networks.size + this.#users.size;
  }

  /** Returns the budget of a new connection. */
  of(name: string, now: number = performance.now()): RequestBudget {
    return new RequestBudget(new Bucket(this.#own, now), this.#network(name, now));
  }

  /**
   * Makes what a connection sends count for its user too: a user may have many addresses. Does nothing for a
   * guest.
   */
  signIn(budget: RequestBudget, identity: Spender, now: number = performance.now()): void {
    if (identity.kind !== "guest") budget.signIn(this.#user(identity, now));
  }

  /**
   * Spends what a request over HTTP costs, and returns how long it must wait before it is handled, ms. If
   * that is longer than `LONGEST_WAIT_MS`, spends nothing and returns undefined.
   */
  spend(name: string, cost: number, now: number = performance.now()): number | undefined {
    return spendOn(this.#network(name, now), cost, now);
  }

  /** As `spend`, for the user who sent the request; returns 0 for a guest. */
  spendOfUser(identity: Spender, cost: number, now: number = performance.now()): number | undefined {
    return identity.kind === "guest" ? 0 : spendOn(this.#user(identity, now), cost, now);
  }

  /** Forgets addresses and users without connections whose budget is full. To be called regularly. */
  sweep(now: number = performance.now()): void {
    for (const buckets of [this.#networks, this.#users]) {
      for (const [name, bucket] of buckets) {
        if (bucket.connections === 0 && bucket.isFull(now)) buckets.delete(name);
      }
    }
  }

  #network(name: string, now: number): SharedBucket {
    return bucketOf(this.#networks, name, this.#ofAddress, now);
  }

  #user({ user, kind }: Spender, now: number): SharedBucket {
    return bucketOf(this.#users, user, kind === "program" ? this.#ofProgram : this.#ofAddress, now);
  }
}

function bucketOf(buckets: Map<string, SharedBucket>, name: string, rate: Rate, now: number): SharedBucket {
  const known = buckets.get(name);
  if (known !== undefined) return known;
  const bucket = new SharedBucket(rate, now);
  buckets.set(name, bucket);
  return bucket;
}

function spendOn(bucket: SharedBucket, cost: number, now: number): number | undefined {
  if (bucket.isEmpty) bucket.fill(now);
  const { waitMs } = bucket;
  if (waitMs > LONGEST_WAIT_MS) return undefined;
  bucket.spend(cost);
  return waitMs;
}

/** The budget of one connection: its own, that of its address and, after `signIn`, that of its user. */
export class RequestBudget {
  readonly #own: Bucket;
  readonly #network: SharedBucket;
  #user: SharedBucket | undefined;
  #closed = false;

  constructor(own: Bucket, network: SharedBucket) {
    this.#own = own;
    this.#network = network;
    network.connections += 1;
  }

  /** Makes what the connection sends count for a user, too. To be called once. */
  signIn(user: SharedBucket): void {
    if (this.#closed) return;
    this.#user = user;
    user.connections += 1;
  }

  spend(cost: number): void {
    this.#own.spend(cost);
    this.#network.spend(cost);
    this.#user?.spend(cost);
  }

  /** Whether the connection must not be read now. */
  get isEmpty(): boolean {
    return this.#hasEmpty && this.#isEmptyAt(performance.now());
  }

  /** Whether the connection's own budget is empty, and not only that of its address or its user. */
  get isOwnEmpty(): boolean {
    return this.#own.isEmpty;
  }

  /** Whether other connections of its address wait for budget: a later request must not overtake theirs. */
  get isContended(): boolean {
    return this.#network.waiting > 0;
  }

  /** Notes that the connection waits for budget, until `stopWaiting`. */
  wait(): void {
    this.#network.waiting += 1;
  }

  stopWaiting(): void {
    this.#network.waiting -= 1;
  }

  /** Ends the budget of a connection that is gone. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#network.connections -= 1;
    if (this.#user !== undefined) this.#user.connections -= 1;
  }

  get #hasEmpty(): boolean {
    return this.#own.isEmpty || this.#network.isEmpty || this.#user?.isEmpty === true;
  }

  #isEmptyAt(now: number): boolean {
    this.#own.fill(now);
    this.#network.fill(now);
    this.#user?.fill(now);
    return this.#hasEmpty;
  }
}
