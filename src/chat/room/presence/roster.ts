import type { Person } from "../../../protocol/frames.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import type { PresenceSnapshot, RoomUser } from "../../../store/store.ts";
import { Tally } from "../../limits/tally.ts";
import { requestedHandle } from "../../text/look-alike.ts";
import { namedUsers, networkKey } from "./named-users.ts";

const NO_USERS: readonly Person[] = [];

interface RosterUser {
  handle: string;
  network: string | undefined;
  readonly instances: Set<string>;
}

/**
 * The users of one room over all processes, each once, however many tabs and processes they are on. It may be
 * wrong for a while: the next presence sync corrects it.
 */
export class Roster {
  readonly #people = new Map<string, RosterUser>();
  /** Ids of users by each form that their handle is compared by. */
  readonly #looks = new Map<string, Set<string>>();
  /** Number of users per network. */
  readonly #networks = new Tally();
  /** The last result of `named`; undefined after a change. */
  #named: readonly Person[] | undefined;

  get count(): number {
    return this.#people.size;
  }

  handleOf(user: string): string | undefined {
    return this.#people.get(user)?.handle;
  }

  /** Returns the digest of a guest's network; undefined if the user is not here, or no guest. */
  networkOf(user: string): string | undefined {
    return this.#people.get(user)?.network;
  }

  /** Returns whether another user than `user` has a handle with one of these looks. */
  isTaken(looks: readonly string[], user: string): boolean {
    return looks.some((look) => {
      const users = this.#looks.get(look);
      return users !== undefined && (users.size > 1 || !users.has(user));
    });
  }

  /** Returns the ids of users whose handle looks like `handle`. */
  lookalikes(handle: string): ReadonlySet<string> {
    return new Set(requestedHandle(handle).looks.flatMap((look) => [...(this.#looks.get(look) ?? [])]));
  }

  /** Whether the users come from so many networks that clients are told no names. */
  get isCrowd(): boolean {
    return this.#networks.size > LIMITS.presenceNames;
  }

  /**
   * The users whom clients are told by name; empty in a crowd; undefined if they must be chosen (`choose`).
   * The same list until a user enters, leaves or is renamed.
   */
  get named(): readonly Person[] | undefined {
    if (this.isCrowd) return NO_USERS;
    if (this.count > LIMITS.presenceNames) return undefined;
    this.#named ??= this.#everyone().map(personOf);
    return this.#named;
  }

  /**
   * Returns the users whom clients are told by name, see `namedUsers`. Sorts the users if there are more of
   * them than names.
   */
  choose(): readonly Person[] {
    return this.named ?? namedUsers(this.#everyone(), LIMITS.presenceNames).map(personOf);
  }

  enter(instance: string, { id, handle, network }: RoomUser): void {
    const known = this.#people.get(id);
    if (known === undefined) {
      this.#people.set(id, { handle, network, instances: new Set([instance]) });
      this.#count({ id, handle, network }, 1);
      this.#addLooks(id, handle);
      return;
    }
    known.instances.add(instance);
    if (network !== undefined && (known.network === undefined || network < known.network)) {
      this.#count({ id, handle, network: known.network }, -1);
      known.network = network;
      this.#count({ id, handle, network }, 1);
    }
    if (known.handle === handle) return;
    this.#removeLooks(id, known.handle);
    known.handle = handle;
    this.#addLooks(id, handle);
  }

  exit(instance: string, user: string): void {
    const known = this.#people.get(user);
    if (known === undefined) return;
    known.instances.delete(instance);
    if (known.instances.size > 0) return;
    this.#people.delete(user);
    this.#count({ id: user, handle: known.handle, network: known.network }, -1);
    this.#removeLooks(user, known.handle);
  }

  /**
   * Replaces what is known of all processes but `self`, whose users this process knows better, by the result
   * of a presence sync.
   */
  replace(self: string, present: readonly PresenceSnapshot[]): void {
    const found = new Map(present.map(({ id, instances }) => [id, instances]));
    for (const [user, known] of this.#people) {
      const instances = found.get(user) ?? [];
      for (const instance of known.instances) {
        if (instance !== self && !instances.includes(instance)) this.exit(instance, user);
      }
    }
    for (const { id, handle, network, instances } of present) {
      const known = this.#people.get(id)?.instances.has(self) === true ? this.handleOf(id) : undefined;
      for (const instance of instances) {
        if (instance !== self) this.enter(instance, { id, handle: known ?? handle, network });
      }
    }
  }

  #everyone(): RoomUser[] {
    return Array.from(this.#people, ([id, { handle, network }]) => ({ id, handle, network }));
  }

  /** Counts a user of a network, or no longer. */
  #count(user: RoomUser, change: 1 | -1): void {
    if (change === 1) this.#networks.add(networkKey(user));
    else this.#networks.remove(networkKey(user));
    this.#named = undefined;
  }

  #addLooks(id: string, handle: string): void {
    this.#named = undefined;
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      if (users === undefined) this.#looks.set(look, new Set([id]));
      else users.add(id);
    }
  }

  #removeLooks(id: string, handle: string): void {
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      users?.delete(id);
      if (users?.size === 0) this.#looks.delete(look);
    }
  }
}

/** Returns what clients are told of a user: everything but the network. */
function personOf({ id, handle }: RoomUser): Person {
  return { id, handle };
}
