import { Tally } from "../limits/tally.ts";

/** Thrown when connections of one address have opened as many rooms as they may. */
export class TooManyRooms extends Error {
  constructor() {
    super("too many rooms are open");
  }
}

/**
 * Bounds the rooms of this process that each network has opened. An open room costs memory here and in Redis
 * (its subscription, its list of users) even if it has no messages, and a client can make up any number of
 * room names.
 */
export class OpenedRooms {
  readonly #limit: number;
  /** By room, the network that opened it. Emptied by `closed`. */
  readonly #openers = new Map<string, string>();
  readonly #byNetwork = new Tally();

  /** @param limit rooms per network; 0 = no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts a room that a connection opens for its network; a room that is open stays with the network that
   * opened it. Throws TooManyRooms if the network has too many.
   */
  open(room: string, network: string): void {
    if (this.#limit === 0 || this.#openers.has(room)) return;
    if (this.#byNetwork.of(network) >= this.#limit) throw new TooManyRooms();
    this.#openers.set(room, network);
    this.#byNetwork.add(network);
  }

  /** Notes that a room is no longer open. */
  closed(room: string): void {
    const network = this.#openers.get(room);
    if (network === undefined) return;
    this.#openers.delete(room);
    this.#byNetwork.remove(network);
  }
}
