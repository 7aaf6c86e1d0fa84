import type { MessageFrame } from "../../protocol/frames.ts";
import { BEGINNING, compareIds, timeOf } from "../../protocol/ids.ts";
import type { Entry } from "../frames.ts";
import { TIMELINE_KEPT, TIMELINE_LIMIT } from "../limits.ts";
import { isEqual, sameList } from "./snapshot.ts";

/** A message as the server sent it, with its state in the list. A change makes a new object; the id stays. */
export interface Message extends MessageFrame {
  /** Time at which it was stored, by the server's clock, in ms since 1970 UTC. */
  readonly at: number;
  /** Whether it was withdrawn; its text is empty then. */
  readonly withdrawn: boolean;
  readonly edited: boolean;
  /** Whether messages are missing right before this one; with `open` the server may still have them. */
  readonly gap: "none" | "open" | "final";
}

/** What an append changed. */
export interface Appended {
  /** Whether all entries fit; none after a hole was added. */
  readonly fits: boolean;
  readonly messages: readonly Message[];
  readonly changed: readonly Message[];
  /** Ids of the entries that were dropped at the front, because the list was full. */
  readonly gone: readonly string[];
}

/** What the insertion of a page of older entries changed. */
export interface Inserted {
  readonly added: readonly Message[];
  readonly changed: readonly Message[];
  /** Whether something was removed that the server does not have. */
  readonly withdrawn: boolean;
}

/** An entry of the list. One that is no message is not shown, and keeps its position. */
type Slot = Message | Exclude<Entry, MessageFrame>;

function slotOf(entry: Entry): Slot {
  if (entry.type !== "message") return entry;
  return { ...entry, at: timeOf(entry.id), withdrawn: false, edited: false, gap: "none" };
}

function isShown(slot: Slot): slot is Message {
  return slot.type === "message";
}

/**
 * The entries of a room that have been received: in order, with every hole marked, none twice. The cursor
 * moves only over entries that fit after the one before.
 */
export class Timeline {
  /** The entries by id, in the server's order. */
  #slots = new Map<string, Slot>();
  /** The last value of `messages`, and whether something may have changed since. */
  #messages: readonly Message[] = [];
  #isStale = false;
  #cursor: string | undefined;
  #hasOlder = false;
  #wasReset = false;

  /** The last id before which there is no hole; undefined until the first join. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Whether the server has entries before the oldest one here. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  /** Whether the entries before the oldest one here were lost on the server. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** Whether the list is as long as it may be, so that no older entries are added. */
  get isFull(): boolean {
    return this.#slots.size >= TIMELINE_LIMIT;
  }

  /** The id of the oldest entry here. */
  get oldest(): string | undefined {
    return this.#slots.keys().next().value;
  }

  /**
   * The messages, oldest first. A new list after each change, and only then; the one before is not modified.
   */
  get messages(): readonly Message[] {
    if (this.#isStale) this.#messages = sameList(this.#messages, [...this.#slots.values()].filter(isShown));
    this.#isStale = false;
    return this.#messages;
  }

  /** Appends entries, up to the first that does not fit. Those that are here already are skipped. */
  append(entries: readonly Entry[]): Appended {
    const messages: Message[] = [];
    const changed: Message[] = [];
    const fits = entries.every((entry) => {
      if (this.#slots.has(entry.id)) return true;
      if (this.#cursor && entry.prev !== this.#cursor) return false;
      const slot = slotOf(entry);
      this.#set(slot);
      this.#cursor = slot.id;
      if (isShown(slot)) messages.push(slot);
      changed.push(...this.#change(entry));
      return true;
    });
    return { fits, messages, changed, gone: this.#trim() };
  }

  /**
   * Restarts at `entries`, the newest of the room (`head` is its last id). Existing entries from the first of
   * them on are discarded, and a gap is marked before them if any are left. All are discarded if `entries` is
   * empty, or if its first one is the first of the room: then the server has lost the existing ones. `more`:
   * whether the server has entries before them.
   */
  restart(entries: readonly Entry[], head: string, more: boolean): void {
    const [first] = entries;
    const hadAny = (this.#cursor ?? BEGINNING) !== BEGINNING;
    this.#wasReset ||= hadAny && (first?.prev ?? BEGINNING) === BEGINNING;
    const slots = this.#slots;
    this.#slots = new Map();
    this.#put(first ? [...slots.values()] : [], entries, [], more);
    this.#reuse(slots);
    this.#cursor = entries.at(-1)?.id ?? head;
  }

  /**
   * Inserts the result of a read before `place`, and closes the gap there if it reaches the existing entries.
   * Returns what is new and what has changed; nothing if `place` is no longer here. Existing entries that the
   * server does not have there are dropped: they were lost, and others do not see them.
   */
  insert(place: string, entries: readonly Entry[], more: boolean): Inserted {
    const slots = this.#slots;
    const before = [...slots.values()];
    const shown = new Set(this.messages);
    const at = before.findIndex(({ id }) => id === place);
    if (at >= 0) this.#put(before, entries, before.splice(at), more);
    this.#reuse(slots);
    const fresh = this.messages.filter((message) => !shown.has(message));
    return {
      added: fresh.filter(({ id }) => !slots.has(id)),
      changed: fresh.filter(({ id }) => slots.has(id)),
      withdrawn: before.some(({ id }) => !this.#slots.has(id)),
    };
  }

  /**
   * Puts a piece of the history between the entries before and after it. The piece has no hole, so existing
   * entries in its range that are not in it are not on the server.
   */
  #put(before: readonly Slot[], entries: readonly Entry[], rest: readonly Slot[], more: boolean): void {
    const [first] = entries;
    const kept = first
      ? before.filter(({ id }) => first.prev !== BEGINNING && compareIds(id, first.id) < 0)
      : before;
    const piece = entries.map((entry) => this.#slots.get(entry.id) ?? slotOf(entry));
    this.#isStale = true;
    this.#slots = new Map([...kept, ...piece, ...rest].map((slot) => [slot.id, slot]));
    for (const { id } of [...piece, ...rest.slice(0, 1)]) this.#alter(id, { gap: "none" });
    const last = kept.at(-1);
    if (!last) this.#hasOlder = more;
    else if (!rest[0] || (first ?? rest[0]).prev !== last.id) {
      // Entries that are no messages are not shown, and cannot carry the gap.
      const marked = [...piece, ...rest].find(isShown);
      if (marked) this.#alter(marked.id, { gap: more ? "open" : "final" });
    }
    for (const entry of entries) this.#change(entry);
  }

  /** Restores the former objects whose content has not changed. */
  #reuse(before: ReadonlyMap<string, Slot>): void {
    for (const [id, slot] of this.#slots) {
      const known = before.get(id);
      if (known && known !== slot && isEqual(known, slot)) this.#slots.set(id, known);
    }
  }

  /** Applies a withdrawal or an edit, if its target is here. Returns the changed messages. */
  #change(entry: Entry): readonly Message[] {
    if (entry.type === "removed") return this.#alter(entry.target, { text: "", withdrawn: true });
    if (entry.type === "edited") return this.#alter(entry.target, { text: entry.text, edited: true });
    return [];
  }

  #alter(id: string, fields: Partial<Message>): readonly Message[] {
    const message = this.#slots.get(id);
    if (!message || !isShown(message)) return [];
    const changed = { ...message, ...fields };
    if (isEqual(message, changed)) return [];
    this.#set(changed);
    return [changed];
  }

  /** Stores an entry at its position, or after the last one. */
  #set(slot: Slot): void {
    this.#isStale = true;
    this.#slots.set(slot.id, slot);
  }

  /** Drops the oldest entries above the limit. Returns their ids. */
  #trim(): readonly string[] {
    if (this.#slots.size <= TIMELINE_LIMIT) return [];
    this.#isStale = true;
    const gone = [...this.#slots.keys()].slice(0, -TIMELINE_KEPT);
    for (const id of gone) this.#slots.delete(id);
    this.#hasOlder = true;
    return gone;
  }
}
