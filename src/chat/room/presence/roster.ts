import type { Person } from "../../../protocol/frames.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import type { PresenceSnapshot, RoomUser } from "../../../store/store.ts";
import { Tally } from "../../limits/tally.ts";
import { requestedHandle } from "../../text/look-alike.ts";
import { namedUsers, networkKey } from "./named-users.ts";

const NOBODY: readonly Person[] = [];

interface Someone {
  handle: string;
  network: string | undefined;
  readonly instances: Set<string>;
}

/**
 * The people of one room over all processes, each once, however many tabs and processes they are on.
 * A hint: it may be wrong for a while and is put right by the next roll call.
 */
export class Roster {
  readonly #people = new Map<string, Someone>();
  /** Which users look like what. */
  readonly #looks = new Map<string, Set<string>>();
  /** How many users each network has. */
  readonly #networks = new Tally();
  /** What `named` gave last, until something changes. */
  #named: readonly Person[] | undefined;

  get count(): number {
    return this.#people.size;
  }

  handleOf(user: string): string | undefined {
    return this.#people.get(user)?.handle;
  }

  /** Whether another user than `user` has a handle with one of these looks. */
  isTaken(looks: readonly string[], user: string): boolean {
    return looks.some((look) => {
      const users = this.#looks.get(look);
      return users !== undefined && (users.size > 1 || !users.has(user));
    });
  }

  /** Users whose handle looks like that. */
  lookalikes(handle: string): ReadonlySet<string> {
    return new Set(requestedHandle(handle).looks.flatMap((look) => [...(this.#looks.get(look) ?? [])]));
  }

  /** Whether there are so many people, of so many networks, that nobody is told by name. */
  get isCrowd(): boolean {
    return this.#networks.size > LIMITS.presenceNames;
  }

  /** Those who are told by name where that needs no choice: everyone, or in a crowd nobody. The same list until somebody comes or goes. */
  get named(): readonly Person[] | undefined {
    if (this.isCrowd) return NOBODY;
    if (this.count > LIMITS.presenceNames) return undefined;
    this.#named ??= this.#everyone().map(personOf);
    return this.#named;
  }

  /** Those who are told by name, see `namedUsers`. Sorts the people where there are more of them than names. */
  choose(): readonly Person[] {
    return this.named ?? namedUsers(this.#everyone(), LIMITS.presenceNames).map(personOf);
  }

  enter(instance: string, { id, handle, network }: RoomUser): void {
    const someone = this.#people.get(id);
    if (someone === undefined) {
      this.#people.set(id, { handle, network, instances: new Set([instance]) });
      this.#count({ id, handle, network }, 1);
      this.#look(id, handle);
      return;
    }
    someone.instances.add(instance);
    if (network !== undefined && (someone.network === undefined || network < someone.network)) {
      this.#count({ id, handle, network: someone.network }, -1);
      someone.network = network;
      this.#count({ id, handle, network }, 1);
    }
    if (someone.handle === handle) return;
    this.#unlook(id, someone.handle);
    someone.handle = handle;
    this.#look(id, handle);
  }

  exit(instance: string, user: string): void {
    const someone = this.#people.get(user);
    if (someone === undefined) return;
    someone.instances.delete(instance);
    if (someone.instances.size > 0) return;
    this.#people.delete(user);
    this.#count({ id: user, handle: someone.handle, network: someone.network }, -1);
    this.#unlook(user, someone.handle);
  }

  /** Takes a roll call for the truth about all processes but `self`, whose people this process knows better. */
  replace(self: string, present: readonly PresenceSnapshot[]): void {
    const called = new Map(present.map((one) => [one.id, one.instances]));
    for (const [user, someone] of this.#people) {
      const instances = called.get(user) ?? [];
      for (const instance of someone.instances) {
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

  /** One more or one fewer of a network. */
  #count(user: RoomUser, change: 1 | -1): void {
    if (change === 1) this.#networks.add(networkKey(user));
    else this.#networks.remove(networkKey(user));
    this.#named = undefined;
  }

  #look(id: string, handle: string): void {
    this.#named = undefined;
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      if (users === undefined) this.#looks.set(look, new Set([id]));
      else users.add(id);
    }
  }

  #unlook(id: string, handle: string): void {
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      users?.delete(id);
      if (users?.size === 0) this.#looks.delete(look);
    }
  }
}

/** Where people come from is not told to clients. */
function personOf({ id, handle }: RoomUser): Person {
  return { id, handle };
}
