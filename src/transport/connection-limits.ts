import { type Counters, countOne } from "../chat/counters.ts";
import { RateLimiter } from "../chat/limits/rate.ts";
import { Tally } from "../chat/limits/tally.ts";
import { networkOf } from "./client-address.ts";

/** The limit for which a connection is rejected. */
export type Full = "process" | "address";

/** Limits of sockets and event streams; 0 = no limit. */
export interface ConnectionBounds {
  readonly connections: number;
  /** Per address; for IPv6, per /64 network. */
  readonly connectionsPerAddress: number;
  /** New connections per second from one address, on average. */
  readonly connectsPerSecond: number;
}

/** Burst, in seconds of the rate: the users of an office reconnect at once. */
const BURST_SECONDS = 10;

/** Counts the connections of this process, in total and by network, and limits their number and rate. */
export class ConnectionLimits {
  readonly #limits: ConnectionBounds;
  readonly #limited: Counters["limited"];
  readonly #byNetwork = new Tally();
  /** Swept by `sweep`. */
  readonly #rates: RateLimiter;
  #count = 0;

  constructor(limits: ConnectionBounds, { limited }: Pick<Counters, "limited">) {
    this.#limits = limits;
    this.#limited = limited;
    this.#rates = new RateLimiter(limits.connectsPerSecond, limits.connectsPerSecond * BURST_SECONDS);
  }

  get count(): number {
    return this.#count;
  }

  /** Returns the limit that one more connection of that address would exceed; undefined = none. */
  full(address: string): Full | undefined {
    const { connections, connectionsPerAddress } = this.#limits;
    if (connections > 0 && this.#count >= connections) {
      countOne(this.#limited, "connections");
      return "process";
    }
    const here = this.#byNetwork.of(networkOf(address));
    if (connectionsPerAddress === 0 || here < connectionsPerAddress) return undefined;
    countOne(this.#limited, "address-connections");
    return "address";
  }

  /**
   * Takes one connection from the rate of an address; returns 0, or the ms until the next may be opened. To
   * be called after all other checks.
   */
  connect(address: string): number {
    const waitMs = this.#rates.take(networkOf(address));
    if (waitMs > 0) countOne(this.#limited, "address-connects");
    return waitMs;
  }

  arrive(address: string): void {
    this.#count += 1;
    this.#byNetwork.add(networkOf(address));
  }

  depart(address: string): void {
    this.#count -= 1;
    this.#byNetwork.remove(networkOf(address));
  }

  /** Forgets the addresses whose bucket is full. To be called regularly. */
  sweep(): void {
    this.#rates.sweep();
  }
}
