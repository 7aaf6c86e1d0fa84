import { Tally } from "../limits/tally.ts";

/** Connections of one address have opened as many rooms as they may. */
export class TooManyRooms extends Error {
  constructor() {
    super("too many rooms are open");
  }
}

/**
 * Which network opened which of this process's rooms. An open room costs memory here and in Redis (its subscription, its list of
 * people) although nothing was ever said in it, and names of rooms are free.
 */
export class OpenedRooms {
  readonly #limit: number;
  /** Room to the network that opened it. Emptied by `closed`. */
  readonly #openers = new Map<string, string>();
  readonly #byNetwork = new Tally();

  /** @param limit rooms per network; 0 = no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A connection of a network opens a room. Throws TooManyRooms where the network has too many; a room that is open stays its opener's. */
  open(room: string, network: string): void {
    if (this.#limit === 0 || this.#openers.has(room)) return;
    if (this.#byNetwork.of(network) >= this.#limit) throw new TooManyRooms();
    this.#openers.set(room, network);
    this.#byNetwork.add(network);
  }

  /** The room is no longer open. */
  closed(room: string): void {
    const network = this.#openers.get(room);
    if (network === undefined) return;
    this.#openers.delete(room);
    this.#byNetwork.remove(network);
  }
}
