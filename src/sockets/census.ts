/** Why a socket is not taken. */
export type Full = "process" | "address";

/** Counts the sockets of this process, all and by address. A limit of 0 = none. */
export class Census {
  readonly #limit: number;
  readonly #limitPerAddress: number;
  readonly #byAddress = new Map<string, number>();
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
    const here = this.#byAddress.get(address) ?? 0;
    return this.#limitPerAddress > 0 && here >= this.#limitPerAddress ? "address" : undefined;
  }

  arrive(address: string): void {
    this.#count += 1;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  depart(address: string): void {
    this.#count -= 1;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
