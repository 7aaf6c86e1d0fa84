import { BEGINNING, compareIds, type MessageFrame, timeOf } from "../protocol.ts";
import type { Entry } from "./frames.ts";

/** A message as it is shown. A change makes a new object; the id stays. */
export interface Message {
  readonly id: string;
  /** When it was stored, by the server's clock, in ms since 1970 UTC. */
  readonly at: number;
  readonly user: string;
  readonly handle: string;
  /** Empty once it was withdrawn. */
  readonly text: string;
  readonly key: string | undefined;
  readonly withdrawn: boolean;
  readonly edited: boolean;
  /** Messages are missing right before this one; `open` ones may still be on the server. */
  readonly gap: "none" | "open" | "final";
}

/** What became of one entry that was offered for the end of the list. */
export type Offered =
  | { readonly fits: "added"; readonly message: Message | undefined; readonly changed: Message | undefined }
  /** Its id is here already. */
  | { readonly fits: "known" }
  /** Something between the last entry and this one is missing. */
  | { readonly fits: "hole" };

/** What a page of older entries made new. */
export interface Inserted {
  readonly added: readonly Message[];
  readonly follower: Message | undefined;
  /** Whether something was shown there that the log does not have; it is gone now. */
  readonly withdrawn: boolean;
}

interface Slot {
  readonly id: string;
  readonly prev: string;
  message: Message | undefined;
}

/**
 * Entries kept, so that a room left open for weeks stays small. Beyond, the oldest leave as new ones come, and
 * no older ones are read.
 */
export const TIMELINE_LIMIT = 2_000;

function shown(frame: MessageFrame): Message {
  const { id, user, handle, text, key } = frame;
  return { id, at: timeOf(id), user, handle, text, key, withdrawn: false, edited: false, gap: "none" };
}

function slotOf(entry: Entry): Slot {
  return { id: entry.id, prev: entry.prev, message: entry.type === "message" ? shown(entry) : undefined };
}

/**
 * What one room's log holds, as far as it is here: in order, without a hole that is not marked, no entry
 * twice. The cursor moves only over entries that fit behind the one before.
 */
export class Timeline {
  readonly #limit: number;
  readonly #byId = new Map<string, Slot>();
  #slots: Slot[] = [];
  #cursor: string | undefined;
  #hasOlder = false;

  constructor(limit: number = TIMELINE_LIMIT) {
    this.#limit = limit;
  }

  /** The last id without a hole before it; undefined until the first join. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Whether the log holds entries before the oldest one here. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  /** No more is taken at the front: the list is as long as it may be. */
  get isFull(): boolean {
    return this.#slots.length >= this.#limit;
  }

  /** The id of the oldest entry here. */
  get oldest(): string | undefined {
    return this.#slots[0]?.id;
  }

  /** Oldest first. */
  get messages(): readonly Message[] {
    return this.#slots.flatMap((slot) => slot.message ?? []);
  }

  /** Puts an entry behind the last one, if that is its place. */
  offer(entry: Entry): Offered {
    if (this.#byId.has(entry.id)) return { fits: "known" };
    if (this.#cursor !== undefined && entry.prev !== this.#cursor) return { fits: "hole" };
    const slot = slotOf(entry);
    this.#slots.push(slot);
    this.#byId.set(slot.id, slot);
    this.#cursor = slot.id;
    return { fits: "added", message: slot.message, changed: this.#change(entry) };
  }

  /** Drops the oldest entries above the limit, a tenth of it at once. Returns the ids of what left. */
  trim(): readonly string[] {
    if (this.#slots.length <= this.#limit) return [];
    const gone = this.#slots.splice(0, this.#slots.length - Math.ceil(this.#limit * 0.9));
    for (const slot of gone) this.#byId.delete(slot.id);
    this.#hasOlder = true;
    return gone.map((slot) => slot.id);
  }

  /**
   * Starts anew at `entries`, the newest of the log (`head` is its last id): what is here from the first of
   * them on is discarded, and a gap is marked before them where anything was here. All is discarded if there is
   * none, or if the first of them is the first of the log: what is here is of a log that is no more.
   * `more`: whether the log goes on before them.
   */
  restart(entries: readonly Entry[], head: string, more: boolean): void {
    const [first] = entries;
    const hadAny = this.#cursor !== undefined && this.#cursor !== BEGINNING;
    const isNewLog = first === undefined || first.prev === BEGINNING;
    const kept = isNewLog ? [] : this.#slots.filter((slot) => compareIds(slot.id, first.id) < 0);
    this.#slots = kept;
    this.#byId.clear();
    for (const slot of kept) this.#byId.set(slot.id, slot);
    if (kept.length === 0) this.#hasOlder = more;
    const added: Slot[] = [];
    for (const entry of entries) {
      if (this.#byId.has(entry.id)) continue;
      const slot = slotOf(entry);
      added.push(slot);
      this.#byId.set(slot.id, slot);
    }
    this.#slots.push(...added);
    for (const entry of entries) this.#change(entry);
    if (hadAny) this.#markGap(added, more ? "open" : "final");
    this.#cursor = entries.at(-1)?.id ?? head;
  }

  /**
   * Puts what a read before `place` brought at that place, and closes the gap there if it meets what is
   * here. Returns the new messages, oldest first, and the one behind them, whose gap may be closed now;
   * nothing if `place` is not here any more. What the log turns out not to have there is dropped.
   */
  insertBefore(place: string, entries: readonly Entry[], more: boolean): Inserted {
    const at = this.#slots.findIndex((slot) => slot.id === place);
    const follower = this.#slots[at];
    if (follower === undefined) return { added: [], follower: undefined, withdrawn: false };
    const withdrawn = this.#withdrawLost(at, entries);
    const index = this.#slots.indexOf(follower);
    const before = this.#slots[index - 1];
    const added = entries.filter((entry) => !this.#byId.has(entry.id)).map(slotOf);
    const meets = added.length < entries.length || (added[0] ?? follower).prev === before?.id;
    this.#slots.splice(index, 0, ...added);
    for (const slot of added) this.#byId.set(slot.id, slot);
    for (const entry of entries) this.#change(entry);
    if (before === undefined) this.#hasOlder = more;
    this.#markGap([follower], "none");
    if (before !== undefined && !meets) {
      this.#markGap(added.length > 0 ? added : [follower], more ? "open" : "final");
    }
    return { added: added.flatMap((slot) => slot.message ?? []), follower: follower.message, withdrawn };
  }

  /**
   * Drops what stands before the slot `at` and would stand among `entries` or before the log's beginning, and is
   * not there: a history that was lost, which others do not see. Returns whether there was any.
   */
  #withdrawLost(at: number, entries: readonly Entry[]): boolean {
    const [first] = entries;
    if (first === undefined) return false;
    const stored = new Set(entries.map((entry) => entry.id));
    const lost = this.#slots
      .slice(0, at)
      .filter(({ id }) => !stored.has(id) && (first.prev === BEGINNING || compareIds(id, first.id) > 0));
    for (const slot of lost) this.#byId.delete(slot.id);
    if (lost.length > 0) this.#slots = this.#slots.filter((slot) => this.#byId.has(slot.id));
    return lost.length > 0;
  }

  /** Marks the first message among slots; entries that are none are not shown and cannot carry a mark. */
  #markGap(slots: readonly Slot[], gap: Message["gap"]): void {
    const slot = slots.find((each) => each.message !== undefined);
    if (slot?.message !== undefined) slot.message = { ...slot.message, gap };
  }

  /** Carries out a withdrawal or an edit, if its target is here. */
  #change(entry: Entry): Message | undefined {
    if (entry.type !== "removed" && entry.type !== "edited") return undefined;
    const target = this.#byId.get(entry.target);
    if (target?.message === undefined) return undefined;
    target.message =
      entry.type === "removed"
        ? { ...target.message, text: "", withdrawn: true }
        : { ...target.message, text: entry.text, edited: true };
    return target.message;
  }
}
