import type { MessageFrame } from "../../protocol/frames.ts";
import { BEGINNING, compareIds, timeOf } from "../../protocol/ids.ts";
import type { Entry } from "../frames.ts";
import { TIMELINE_KEPT, TIMELINE_LIMIT } from "../limits.ts";
import { isEqual, sameList } from "./snapshot.ts";

/** A message as it is shown: as the server sent it, and what is known of it. A change makes a new object; the id stays. */
export interface Message extends MessageFrame {
  /** When it was stored, by the server's clock, in ms since 1970 UTC. */
  readonly at: number;
  /** Its text is empty then. */
  readonly withdrawn: boolean;
  readonly edited: boolean;
  /** Messages are missing right before this one; `open` ones may still be on the server. */
  readonly gap: "none" | "open" | "final";
}

/** What entries for the end of the list made new. */
export interface Appended {
  /** Whether all of them fit; none after a hole was taken. */
  readonly fits: boolean;
  readonly messages: readonly Message[];
  readonly changed: readonly Message[];
  /** Ids of the entries that left at the front, because the list was full. */
  readonly gone: readonly string[];
}

/** What a page of older entries made new. */
export interface Inserted {
  readonly added: readonly Message[];
  readonly changed: readonly Message[];
  /** Whether something was shown there that the log does not have; it is gone now. */
  readonly withdrawn: boolean;
}

/** An entry that is no message is not shown, and keeps its place. */
type Slot = Message | Exclude<Entry, MessageFrame>;

function slotOf(entry: Entry): Slot {
  if (entry.type !== "message") return entry;
  return { ...entry, at: timeOf(entry.id), withdrawn: false, edited: false, gap: "none" };
}

function isShown(slot: Slot): slot is Message {
  return slot.type === "message";
}

/**
 * What one room's log holds, as far as it is here: in order, without a hole that is not marked, no entry
 * twice. The cursor moves only over entries that fit after the one before.
 */
export class Timeline {
  /** In the order of the log. */
  #slots = new Map<string, Slot>();
  /** What `messages` gave last, and whether something may have changed since. */
  #messages: readonly Message[] = [];
  #isStale = false;
  #cursor: string | undefined;
  #hasOlder = false;
  #wasReset = false;

  /** The last id without a hole before it; undefined until the first join. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Whether the log holds entries before the oldest one here. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  /** Whether what was here before the oldest entry is of a log that is no more. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** No more is taken at the front: the list is as long as it may be. */
  get isFull(): boolean {
    return this.#slots.size >= TIMELINE_LIMIT;
  }

  /** The id of the oldest entry here. */
  get oldest(): string | undefined {
    return this.#slots.keys().next().value;
  }

  /** Oldest first. Another list after each change, and only then; the one before stays as it was. */
  get messages(): readonly Message[] {
    if (this.#isStale) this.#messages = sameList(this.#messages, [...this.#slots.values()].filter(isShown));
    this.#isStale = false;
    return this.#messages;
  }

  /** Puts entries after the last one, up to the first that does not fit. Those that are here already are passed over. */
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
   * Starts anew at `entries`, the newest of the log (`head` is its last id): what is here from the first of
   * them on is discarded, and a gap is marked before them where anything is left. All is discarded if there is
   * none, or if the first of them is the first of the log: what is here is of a log that is no more.
   * `more`: whether the log goes on before them.
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
   * Puts what a read before `place` brought at that place, and closes the gap there if it meets what is
   * here. Returns what is new and what is another than before; nothing if `place` is not here any more. What the
   * log turns out not to have there is dropped: a history that was lost, which others do not see.
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
   * Puts a piece of the log between what is here before it and after it. The piece is without a hole, so that what stood
   * there and is not in it is not in the log.
   */
  #put(before: readonly Slot[], entries: readonly Entry[], behind: readonly Slot[], more: boolean): void {
    const [first] = entries;
    const kept = first
      ? before.filter(({ id }) => first.prev !== BEGINNING && compareIds(id, first.id) < 0)
      : before;
    const piece = entries.map((entry) => this.#slots.get(entry.id) ?? slotOf(entry));
    this.#isStale = true;
    this.#slots = new Map([...kept, ...piece, ...behind].map((slot) => [slot.id, slot]));
    for (const { id } of [...piece, ...behind.slice(0, 1)]) this.#alter(id, { gap: "none" });
    const last = kept.at(-1);
    if (!last) this.#hasOlder = more;
    else if (!behind[0] || (first ?? behind[0]).prev !== last.id) {
      // Entries that are no messages are not shown and cannot carry a mark.
      const marked = [...piece, ...behind].find(isShown);
      if (marked) this.#alter(marked.id, { gap: more ? "open" : "final" });
    }
    for (const entry of entries) this.#change(entry);
  }

  /** Puts back the objects of before whose content is the same after all. */
  #reuse(before: ReadonlyMap<string, Slot>): void {
    for (const [id, slot] of this.#slots) {
      const known = before.get(id);
      if (known && known !== slot && isEqual(known, slot)) this.#slots.set(id, known);
    }
  }

  /** Carries out a withdrawal or an edit, if its target is here. Returns what it changed. */
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

  /** In its own place, or after the last one. */
  #set(slot: Slot): void {
    this.#isStale = true;
    this.#slots.set(slot.id, slot);
  }

  /** Drops the oldest entries above the limit. Returns the ids of what left. */
  #trim(): readonly string[] {
    if (this.#slots.size <= TIMELINE_LIMIT) return [];
    this.#isStale = true;
    const gone = [...this.#slots.keys()].slice(0, -TIMELINE_KEPT);
    for (const id of gone) this.#slots.delete(id);
    this.#hasOlder = true;
    return gone;
  }
}
