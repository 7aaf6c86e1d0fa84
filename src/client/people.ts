import type { JoinedFrame, Person, PresenceFrame, TypingFrame } from "../protocol.ts";
import { PRESENCE_NAMES, TYPING_MS } from "./contract.ts";
import type { Cancel, Clock } from "./ports.ts";

/** Names of people who type that are kept at once; a line on a page names three. */
const TYPING_LIMIT = 20;

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
  replace(present: JoinedFrame["present"]): void {
    this.#users.clear();
    for (const person of present.users ?? []) this.#users.set(person.id, person);
    this.#count = present.count;
  }

  change(frame: PresenceFrame): void {
    this.#count = frame.count;
    // People who left come first: a change of name is a leave and a join of one id.
    for (const id of frame.left ?? []) {
      this.#users.delete(id);
      this.stopTyping(id);
    }
    for (const person of frame.joined ?? []) this.#users.set(person.id, person);
    if (frame.count > PRESENCE_NAMES) this.#users.clear();
  }

  /** Lapses by itself, because the end of typing may get lost. */
  hint(frame: TypingFrame): void {
    if (!frame.on) {
      this.stopTyping(frame.user);
      return;
    }
    const known = this.#typing.get(frame.user);
    known?.lapse();
    if (known === undefined && this.#typing.size >= TYPING_LIMIT) return;
    const lapse = this.#clock.after(TYPING_MS, () => this.stopTyping(frame.user));
    this.#typing.set(frame.user, { person: { id: frame.user, handle: frame.handle }, lapse });
    if (known === undefined) this.#typingChanged();
  }

  /** Also because a message of theirs arrived. */
  stopTyping(user: string): void {
    const known = this.#typing.get(user);
    if (known === undefined) return;
    known.lapse();
    this.#typing.delete(user);
    this.#typingChanged();
  }

  /** The connection is gone, and with it what is known of now. */
  forgetTyping(): void {
    for (const user of [...this.#typing.keys()]) this.stopTyping(user);
  }
}
