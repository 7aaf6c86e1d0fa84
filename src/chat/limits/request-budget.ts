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
  /** Of all connections and HTTP requests of one address in this process; 0 = no limit. */
  readonly addressRequestsPerSecond: number;
  /** Added to the burst of a connection: after a restart a client joins all its rooms at once. */
  readonly maxRoomsPerConnection: number;
}

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

/** The bucket of one address, the number of connections that use it, and how many of them wait for budget. */
class Network extends Bucket {
  connections = 0;
  waiting = 0;
}

/** The budgets of all connections and addresses of a process, spent by what their requests cost. */
export class RequestBudgets {
  readonly #own: Rate;
  readonly #ofAddress: Rate;
  /**
   * Buckets of addresses with connections or with HTTP requests within the last seconds; `sweep` removes the
   * others.
   */
  readonly #networks = new Map<string, Network>();

  constructor(limits: RequestLimits) {
    this.#own = rateOf(limits.requestsPerSecond, limits.maxRoomsPerConnection);
    this.#ofAddress = rateOf(limits.addressRequestsPerSecond, 0);
  }

  /** Returns the budget of a new connection. */
  of(name: string, now: number = performance.now()): RequestBudget {
    return new RequestBudget(new Bucket(this.#own, now), this.#network(name, now));
  }

  /**
   * Spends what a request over HTTP costs, and returns how long it must wait before it is handled, ms. If
   * that is longer than `LONGEST_WAIT_MS`, spends nothing and returns undefined.
   */
  spend(name: string, cost: number, now: number = performance.now()): number | undefined {
    const network = this.#network(name, now);
    if (network.isEmpty) network.fill(now);
    const { waitMs } = network;
    if (waitMs > LONGEST_WAIT_MS) return undefined;
    network.spend(cost);
    return waitMs;
  }

  /** Forgets addresses without connections whose budget is full. To be called regularly. */
  sweep(now: number = performance.now()): void {
    for (const [name, network] of this.#networks) {
      if (network.connections === 0 && network.isFull(now)) this.#networks.delete(name);
    }
  }

  #network(name: string, now: number): Network {
    const known = this.#networks.get(name);
    if (known !== undefined) return known;
    const network = new Network(this.#ofAddress, now);
    this.#networks.set(name, network);
    return network;
  }
}

/** The budget of one connection: its own, and that of its address. */
export class RequestBudget {
  readonly #own: Bucket;
  readonly #network: Network;
  #closed = false;

  constructor(own: Bucket, network: Network) {
    this.#own = own;
    this.#network = network;
    network.connections += 1;
  }

  spend(cost: number): void {
    this.#own.spend(cost);
    this.#network.spend(cost);
  }

  /** Whether the connection must not be read now. */
  get isEmpty(): boolean {
    return (this.#own.isEmpty || this.#network.isEmpty) && this.#isEmptyAt(performance.now());
  }

  /** Whether the connection's own budget is empty, and not only that of its address. */
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
    if (!this.#closed) this.#network.connections -= 1;
    this.#closed = true;
  }

  #isEmptyAt(now: number): boolean {
    this.#own.fill(now);
    this.#network.fill(now);
    return this.#own.isEmpty || this.#network.isEmpty;
  }
}
