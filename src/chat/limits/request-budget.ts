/** What one request costs that the limits of requests per second speak of; cheaper ones cost a part of it. */
const REQUEST = 20;

/** What frames and requests cost; a unit is about 20 µs of the server's time. */
export const COST = {
  /** Reading a frame, whatever is in it; besides, one for each KiB. */
  frame: 1,
  /** A KiB of messages that are read for a connection. */
  answeredKib: 1,
  /** Any error answer. */
  refusal: 4,
  /** A new handle, for each room that learns of it. */
  rename: REQUEST,
  request: REQUEST,
} as const;

/** Seconds of the rate that may come at once. */
const BURST_SECONDS = 4;

/** How long a request over HTTP waits for its turn, ms. */
const LONGEST_WAIT_MS = 2_000;

/** Requests a second. */
export interface RequestLimits {
  /** Of one connection; 0 = no limit. */
  readonly requestsPerSecond: number;
  /** Of all connections and HTTP requests of one address in this process; 0 = no limit. */
  readonly addressRequestsPerSecond: number;
  /** Coming back to all its rooms at once is what an honest client does after a restart. */
  readonly maxRoomsPerConnection: number;
}

/** How fast a budget is filled, and what it may hold; one object for all of a kind. */
interface Rate {
  readonly perMs: number;
  readonly burst: number;
}

/** Returns the rate of that many requests per second, 0 = no limit, of which those of some seconds and `more` may come at once. */
function rateOf(perSecond: number, more: number): Rate {
  const burst = (BURST_SECONDS * perSecond + more) * REQUEST;
  return { perMs: (perSecond * REQUEST) / 1000, burst: perSecond === 0 ? Number.POSITIVE_INFINITY : burst };
}

/**
 * A budget that is spent first and looked at after: it may go below nothing by one request, which then comes off what follows. It is filled
 * up only when it is empty, so that spending costs no look at the clock; at worst two bursts come in a row.
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

  /** Fills up what came since the last time. */
  fill(now: number): void {
    const { perMs, burst } = this.#rate;
    if (perMs > 0) this.#left = Math.min(burst, this.#left + (now - this.#at) * perMs);
    this.#at = now;
  }

  /** Milliseconds until it is not empty, as of the last `fill`; 0 = it is not. */
  get waitMs(): number {
    return this.isEmpty ? Math.ceil((1 - this.#left) / this.#rate.perMs) : 0;
  }

  isWhole(now: number): boolean {
    this.fill(now);
    return this.#left >= this.#rate.burst;
  }
}

/** The bucket of one address, how many connections use it, and how many of them wait for their turn. */
class Network extends Bucket {
  connections = 0;
  waiting = 0;
}

/** What all connections and addresses of a process may ask of it, by what their requests cost. */
export class RequestBudgets {
  readonly #own: Rate;
  readonly #ofAddress: Rate;
  /** Addresses with connections, and those that asked over HTTP within the last seconds; `sweep` removes the others. */
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
   * Spends what a request over HTTP costs and returns how long it must wait before it is carried out, ms. Where that would be longer than
   * anybody waits, spends nothing and returns undefined.
   */
  spend(name: string, cost: number, now: number = performance.now()): number | undefined {
    const network = this.#network(name, now);
    if (network.isEmpty) network.fill(now);
    const { waitMs } = network;
    if (waitMs > LONGEST_WAIT_MS) return undefined;
    network.spend(cost);
    return waitMs;
  }

  /** Forgets addresses without connections that have asked for nothing lately; to be called now and then. */
  sweep(now: number = performance.now()): void {
    for (const [name, network] of this.#networks) {
      if (network.connections === 0 && network.isWhole(now)) this.#networks.delete(name);
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

/** What one connection may ask: of its own budget, and of that of its address. */
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

  /** Whether nothing more may be read of this connection now. */
  get isEmpty(): boolean {
    return (this.#own.isEmpty || this.#network.isEmpty) && this.#isEmptyAt(performance.now());
  }

  /** Whether the connection itself has asked too much, and not only others of its address. */
  get isOwnEmpty(): boolean {
    return this.#own.isEmpty;
  }

  /** Whether other connections of its address wait for their turn: who came later must not be first. */
  get isContended(): boolean {
    return this.#network.waiting > 0;
  }

  /** The connection waits for its turn, until `stopWaiting`. */
  wait(): void {
    this.#network.waiting += 1;
  }

  stopWaiting(): void {
    this.#network.waiting -= 1;
  }

  /** The connection is gone. */
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
