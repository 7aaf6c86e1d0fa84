import type { JoinedFrame, Person, PresenceFrame, TypingFrame } from "../../protocol/frames.ts";
import { PRESENCE_NAMES, TYPING_MS } from "../contract.ts";
import { TYPING_LIMIT } from "../limits.ts";
import type { Cancel, Clock } from "../ports.ts";
import { sameList } from "./snapshot.ts";

type Change = Pick<PresenceFrame, "count" | "joined" | "left">;

/** The users in a room, and those who are typing there. */
export class People {
  readonly #clock: Clock;
  readonly #typingChanged: () => void;
  readonly #users = new Map<string, Person>();
  readonly #typing = new Map<string, { readonly person: Person; readonly lapse: Cancel }>();
  #count = 0;
  /** The last values of `users` and `typing`. */
  #userList: readonly Person[] = [];
  #typingList: readonly Person[] = [];

  /** @internal Called by the room. */
  constructor(clock: Clock, typingChanged: () => void) {
    this.#clock = clock;
    this.#typingChanged = typingChanged;
  }

  /** The number of users here over all connections, each user once. */
  get count(): number {
    return this.#count;
  }

  /**
   * The users, as far as the server names them; of a crowd it tells only the number. The same list until it
   * changes.
   */
  get users(): readonly Person[] {
    this.#userList = sameList(this.#userList, [...this.#users.values()]);
    return this.#userList;
  }

  /** The users who are typing. The same list until it changes. */
  get typing(): readonly Person[] {
    const people = Array.from(this.#typing.values(), ({ person }) => person);
    this.#typingList = sameList(this.#typingList, people);
    return this.#typingList;
  }

  /** @internal Returns the handle of a user; undefined if the server did not name the user. */
  handleOf(id: string | undefined): string | undefined {
    return this.#users.get(id ?? "")?.handle;
  }

  /** @internal Replaces the users by the list of a join. */
  replace({ count, users }: JoinedFrame["present"]): void {
    const known = new Map(this.#users);
    this.#users.clear();
    this.#change({ count, joined: users ?? [] }, known);
  }

  /** @internal Applies a presence frame. */
  change(frame: Change): void {
    this.#change(frame, this.#users);
  }

  /** Applies a change. `known`: the users before it; an unchanged user stays the same object. */
  #change({ count, joined, left }: Change, known: ReadonlyMap<string, Person>): void {
    this.#count = count;
    // Users who left come first: a change of name is a leave and a join of one id.
    for (const id of left ?? []) {
      this.#users.delete(id);
      this.stopTyping(id);
    }
    for (const { id, handle } of joined ?? []) {
      const before = known.get(id);
      this.#users.set(id, before?.handle === handle ? before : { id, handle });
    }
    // Among many users, a frame without names means a crowd, in which the server names no users.
    if (Math.max(joined ? 0 : count, this.#users.size) > PRESENCE_NAMES) this.#users.clear();
  }

  /** @internal Applies a typing frame. Typing expires by itself, because its end may get lost. */
  hint({ user: id, handle, on }: TypingFrame): void {
    const known = this.#typing.get(id);
    if (!on) this.stopTyping(id);
    else if (known || this.#typing.size < TYPING_LIMIT) {
      known?.lapse();
      const lapse = this.#clock.after(TYPING_MS, () => this.stopTyping(id));
      const isSame = known?.person.handle === handle;
      this.#typing.set(id, { person: isSame ? known.person : { id, handle }, lapse });
      if (!isSame) this.#typingChanged();
    }
  }

  /** @internal Ends the typing of a user, also because their message arrived. */
  stopTyping(user: string): void {
    this.#typing.get(user)?.lapse();
    if (this.#typing.delete(user)) this.#typingChanged();
  }

  /** @internal Forgets who is typing, because the connection was lost. */
  forget(): void {
    for (const user of [...this.#typing.keys()]) this.stopTyping(user);
  }
}
