import type { JoinedFrame, Person, PresenceFrame, TypingFrame } from "../protocol.ts";
import { PRESENCE_NAMES, TYPING_MS } from "./contract.ts";
import { TYPING_LIMIT } from "./limits.ts";
import type { Cancel, Clock } from "./ports.ts";

/** Who is in a room, and who types there. */
export class People {
  readonly #clock: Clock;
  readonly #typingChanged: () => void;
  readonly #users = new Map<string, Person>();
  readonly #typing = new Map<string, { readonly person: Person; readonly lapse: Cancel }>();
  #count = 0;

  constructor(clock: Clock, typingChanged: () => void) {
    this.#clock = clock;
    this.#typingChanged = typingChanged;
  }

  /** How many are here over all connections, each person once. */
  get count(): number {
    return this.#count;
  }

  /** As far as they are known by name; of a crowd only the number is. */
  get users(): readonly Person[] {
    return [...this.#users.values()];
  }

  get typing(): readonly Person[] {
    return [...this.#typing.values()].map((each) => each.person);
  }

  /** The full list of a join. */
  replace({ count, users }: JoinedFrame["present"]): void {
    this.#users.clear();
    this.change({ count, joined: users });
  }

  change({ count, joined, left }: Pick<PresenceFrame, "count" | "joined" | "left">): void {
    this.#count = count;
    // People who left come first: a change of name is a leave and a join of one id.
    for (const id of left ?? []) {
      this.#users.delete(id);
      this.stopTyping(id);
    }
    for (const person of joined ?? []) this.#users.set(person.id, person);
    if (count > PRESENCE_NAMES) this.#users.clear();
  }

  /** Lapses by itself, because the end of typing may get lost. */
  hint({ user: id, handle, on }: TypingFrame): void {
    const known = this.#typing.get(id);
    if (!on) this.stopTyping(id);
    else if (known || this.#typing.size < TYPING_LIMIT) {
      known?.lapse();
      const lapse = this.#clock.after(TYPING_MS, () => this.stopTyping(id));
      this.#typing.set(id, { person: { id, handle }, lapse });
      if (!known) this.#typingChanged();
    }
  }

  /** Also because a message of theirs arrived. */
  stopTyping(user: string): void {
    this.#typing.get(user)?.lapse();
    if (this.#typing.delete(user)) this.#typingChanged();
  }

  /** The connection is gone, and with it what is known of now. */
  forget(): void {
    for (const user of [...this.#typing.keys()]) this.stopTyping(user);
  }
}
