import type { Present } from "../log/log.ts";
import type { Person } from "../protocol.ts";
import { requestedHandle } from "./look-alike.ts";

interface Someone {
  handle: string;
  readonly instances: Set<string>;
}

/** What changed in a room's people since the last look. */
export interface PresenceChange {
  readonly joined: readonly Person[];
  /** User ids. */
  readonly left: readonly string[];
}

/**
 * The people of one room over all processes, each once, however many tabs and processes they are on.
 * A hint: it may be wrong for a while and is put right by the next roll call.
 */
export class Roster {
  readonly #people = new Map<string, Someone>();
  /** Which users look like what. */
  readonly #looks = new Map<string, Set<string>>();
  readonly #joined = new Map<string, Person>();
  readonly #left = new Set<string>();

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

  list(): Person[] {
    return Array.from(this.#people, ([id, { handle }]) => ({ id, handle }));
  }

  enter(instance: string, { id, handle }: Person): void {
    const someone = this.#people.get(id);
    if (someone === undefined) {
      this.#people.set(id, { handle, instances: new Set([instance]) });
      this.#show(id, handle);
      return;
    }
    someone.instances.add(instance);
    if (someone.handle === handle) return;
    this.#unlook(id, someone.handle);
    someone.handle = handle;
    this.#show(id, handle);
  }

  exit(instance: string, user: string): void {
    const someone = this.#people.get(user);
    if (someone === undefined) return;
    someone.instances.delete(instance);
    if (someone.instances.size > 0) return;
    this.#people.delete(user);
    this.#unlook(user, someone.handle);
    this.#joined.delete(user);
    // Told even of somebody whose coming was not: those who joined meanwhile found them in the list.
    this.#left.add(user);
  }

  /** Takes a roll call for the truth about all processes but `self`, whose people this process knows better. */
  replace(self: string, present: readonly Present[]): void {
    const called = new Map(present.map((one) => [one.id, one.instances]));
    for (const [user, someone] of this.#people) {
      const instances = called.get(user) ?? [];
      for (const instance of someone.instances) {
        if (instance !== self && !instances.includes(instance)) this.exit(instance, user);
      }
    }
    for (const { id, handle, instances } of present) {
      const known = this.#people.get(id)?.instances.has(self) === true ? this.handleOf(id) : undefined;
      for (const instance of instances) {
        if (instance !== self) this.enter(instance, { id, handle: known ?? handle });
      }
    }
  }

  /** What changed since the last call, or undefined. */
  takeChange(): PresenceChange | undefined {
    if (this.#joined.size === 0 && this.#left.size === 0) return undefined;
    const change = { joined: [...this.#joined.values()], left: [...this.#left] };
    this.#joined.clear();
    this.#left.clear();
    return change;
  }

  #show(id: string, handle: string): void {
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      if (users === undefined) this.#looks.set(look, new Set([id]));
      else users.add(id);
    }
    this.#left.delete(id);
    this.#joined.set(id, { id, handle });
  }

  #unlook(id: string, handle: string): void {
    for (const look of requestedHandle(handle).looks) {
      const users = this.#looks.get(look);
      users?.delete(id);
      if (users?.size === 0) this.#looks.delete(look);
    }
  }
}
