import { networkOf } from "../http/client-address.ts";

/** Why a socket is not taken. */
export type Full = "process" | "address";

/** Counts the sockets of this process, all and by the network of their canonical address. A limit of 0 = none. */
export class Census {
  readonly #limit: number;
  readonly #limitPerAddress: number;
  readonly #byNetwork = new Map<string, number>();
  #count = 0;

  constructor(limit: number, limitPerAddress: number) {
    this.#limit = limit;
    this.#limitPerAddress = limitPerAddress;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether one more socket of that address would be too many; undefined = it may come. */
  full(address: string): Full | undefined {
    if (this.#limit > 0 && this.#count >= this.#limit) return "process";
    const here = this.#byNetwork.get(networkOf(address)) ?? 0;
    return this.#limitPerAddress > 0 && here >= this.#limitPerAddress ? "address" : undefined;
  }

  arrive(address: string): void {
    this.#count += 1;
    const network = networkOf(address);
    this.#byNetwork.set(network, (this.#byNetwork.get(network) ?? 0) + 1);
  }

  depart(address: string): void {
    this.#count -= 1;
    const network = networkOf(address);
    const left = (this.#byNetwork.get(network) ?? 1) - 1;
    if (left > 0) this.#byNetwork.set(network, left);
    else this.#byNetwork.delete(network);
  }
}
