import { type Counters, countOne } from "../chat/counters.ts";
import { RateLimiter } from "../chat/limits/rate.ts";
import { Tally } from "../chat/limits/tally.ts";
import { networkOf } from "./client-address.ts";

/** Why a connection is not accepted. */
export type Full = "process" | "address";

/** Limits of sockets and event streams; 0 = no limit. */
export interface ConnectionBounds {
  readonly connections: number;
  /** Of one address; of IPv6, of one /64 network. */
  readonly connectionsPerAddress: number;
  /** Opened per second from one address, on average. */
  readonly connectsPerSecond: number;
}

/** So many seconds' connections may come from one address at once: people of an office who return together. */
const BURST_SECONDS = 10;

/** Counts the connections of this process, all and by the network of their canonical address, and how fast they come. */
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

  /** Returns why one more connection of that address would be too many; undefined = it may come. */
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

  /** Takes one connection from the rate of an address; returns 0, or the ms until the next may come. To be asked last. */
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

  /** Forgets the addresses whose rate is whole again; to be called now and then. */
  sweep(): void {
    this.#rates.sweep();
  }
}
