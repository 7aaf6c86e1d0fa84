import type { JoinedFrame, Person, PresenceFrame, TypingFrame } from "../../protocol/frames.ts";
import { PRESENCE_NAMES, TYPING_MS } from "../contract.ts";
import { TYPING_LIMIT } from "../limits.ts";
import type { Cancel, Clock } from "../ports.ts";
import { sameList } from "./snapshot.ts";

type Change = Pick<PresenceFrame, "count" | "joined" | "left">;

/** Who is in a room, and who types there. */
export class People {
  readonly #clock: Clock;
  readonly #typingChanged: () => void;
  readonly #users = new Map<string, Person>();
  readonly #typing = new Map<string, { readonly person: Person; readonly lapse: Cancel }>();
  #count = 0;
  /** What `users` and `typing` gave last. */
  #userList: readonly Person[] = [];
  #typingList: readonly Person[] = [];

  /** @internal A room makes its own. */
  constructor(clock: Clock, typingChanged: () => void) {
    this.#clock = clock;
    this.#typingChanged = typingChanged;
  }

  /** How many are here over all connections, each person once. */
  get count(): number {
    return this.#count;
  }

  /** As far as they are known by name; of a crowd only the number is. The same list until it changes. */
  get users(): readonly Person[] {
    this.#userList = sameList(this.#userList, [...this.#users.values()]);
    return this.#userList;
  }

  /** The same list until it changes. */
  get typing(): readonly Person[] {
    const people = Array.from(this.#typing.values(), ({ person }) => person);
    this.#typingList = sameList(this.#typingList, people);
    return this.#typingList;
  }

  /** @internal What a user is called, where the user is known by name. */
  handleOf(id: string | undefined): string | undefined {
    return this.#users.get(id ?? "")?.handle;
  }

  /** @internal The full list of a join. */
  replace({ count, users }: JoinedFrame["present"]): void {
    const known = new Map(this.#users);
    this.#users.clear();
    this.#change({ count, joined: users ?? [] }, known);
  }

  /** @internal What a presence frame says. */
  change(frame: Change): void {
    this.#change(frame, this.#users);
  }

  /** `known`: those of before; whoever has not changed stays the same object. */
  #change({ count, joined, left }: Change, known: ReadonlyMap<string, Person>): void {
    this.#count = count;
    // People who left come first: a change of name is a leave and a join of one id.
    for (const id of left ?? []) {
      this.#users.delete(id);
      this.stopTyping(id);
    }
    for (const { id, handle } of joined ?? []) {
      const before = known.get(id);
      this.#users.set(id, before?.handle === handle ? before : { id, handle });
    }
    // Of many people, a frame without names is of a crowd: nobody of it is named.
    if (Math.max(joined ? 0 : count, this.#users.size) > PRESENCE_NAMES) this.#users.clear();
  }

  /** @internal It lapses by itself, because the end of typing may get lost. */
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

  /** @internal Also because a message of theirs arrived. */
  stopTyping(user: string): void {
    this.#typing.get(user)?.lapse();
    if (this.#typing.delete(user)) this.#typingChanged();
  }

  /** @internal The connection is gone, and with it what is known of now. */
  forget(): void {
    for (const user of [...this.#typing.keys()]) this.stopTyping(user);
  }
}
