import type { Identity } from "../identity.ts";
import { factorOf } from "../limits/accounts.ts";
import { Tally } from "../limits/tally.ts";

/** Thrown when connections of one address, or of one user, have opened as many rooms as they may. */
export class TooManyRooms extends Error {
  readonly limit: "address-rooms" | "user-rooms";

  constructor(limit: TooManyRooms["limit"]) {
    super("too many rooms are open");
    this.limit = limit;
  }
}

/** Limits of the rooms that are open in a process; 0 = no limit. */
export interface OpenRoomLimits {
  readonly maxRoomsPerAddress: number;
  /** Of one user of the site. */
  readonly maxRoomsPerUser: number;
  /** How many times as much as one user of the site one program may do. */
  readonly programFactor: number;
}

/** The connection that opens a room. */
export interface Opener {
  /** As `Connection.network`. */
  readonly network: string;
  readonly identity: Pick<Identity, "kind" | "user">;
}

/** For whom an open room counts. `user`: undefined for a guest. */
interface Counted {
  readonly network: string;
  readonly user: string | undefined;
}

/**
 * Bounds the rooms of this process that each network, and each user who is no guest, has opened. An open room
 * costs memory here and in Redis (its subscription, its list of users) even if it has no messages, and a
 * client can make up any number of room names.
 */
export class OpenedRooms {
  readonly #limits: OpenRoomLimits;
  /** By room. Emptied by `closed`. */
  readonly #openers = new Map<string, Counted>();
  readonly #byNetwork = new Tally();
  readonly #byUser = new Tally();

  constructor(limits: OpenRoomLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a room that a connection opens for its network and its user; a room that is open stays with those
   * who opened it. Throws TooManyRooms if one of them has too many.
   */
  open(room: string, { network, identity }: Opener): void {
    if (this.#openers.has(room)) return;
    const { maxRoomsPerAddress, maxRoomsPerUser, programFactor } = this.#limits;
    const user = accountOf({ identity });
    if (
      user !== undefined &&
      isReached(this.#byUser, user, maxRoomsPerUser * factorOf(identity, programFactor))
    )
      throw new TooManyRooms("user-rooms");
    if (isReached(this.#byNetwork, network, maxRoomsPerAddress)) throw new TooManyRooms("address-rooms");
    this.#count(room, { network, identity });
  }

  #count(room: string, opener: Opener): void {
    const { network } = opener;
    const user = accountOf(opener);
    this.#openers.set(room, { network, user });
    this.#byNetwork.add(network);
    if (user !== undefined) this.#byUser.add(user);
  }

  /**
   * Notes that a user has left a room in which others are: it counts for one of these from now on, even if they
   * have too many, because the user cannot close it any more.
   */
  handOver(room: string, from: Opener, to: Opener): void {
    const opener = this.#openers.get(room);
    if (opener?.network !== from.network || opener.user !== accountOf(from)) return;
    this.closed(room);
    this.#count(room, to);
  }

  /** Notes that a room is no longer open. */
  closed(room: string): void {
    const opener = this.#openers.get(room);
    if (opener === undefined) return;
    this.#openers.delete(room);
    this.#byNetwork.remove(opener.network);
    if (opener.user !== undefined) this.#byUser.remove(opener.user);
  }
}

/** The user for whom a room counts; undefined for a guest. */
function accountOf({ identity }: Pick<Opener, "identity">): string | undefined {
  return identity.kind === "guest" ? undefined : identity.user;
}

function isReached(tally: Tally, key: string, limit: number): boolean {
  return limit > 0 && tally.of(key) >= limit;
}
