import { compareIds } from "../../protocol/ids.ts";

/** Rows in the document at most. */
export const ROWS_LIMIT = 300;
/** Rows in the document at most while some of them are selected or have the focus. */
export const HELD_ROWS_LIMIT = 900;
/**
 * Rows that are kept when the oldest are dropped because new ones came. Fewer than ROWS_LIMIT, so that this
 * is not done for each new row.
 */
const ROWS_KEPT = 250;
/** Rows that are added at an end at a time. */
const STEP = 50;

type Ids = readonly { readonly id: string }[];

/**
 * Decides which part of a list is in the document: its end, unless the user reads elsewhere. Knows ids, no
 * rows. The caller never changes a list after passing it.
 */
export class RowWindow {
  #list: Ids = [];
  #from = 0;
  #to = 0;

  /** Index of the first row. */
  get from(): number {
    return this.#from;
  }

  /** Index after the last row. */
  get to(): number {
    return this.#to;
  }

  get isAtEnd(): boolean {
    return this.#to === this.#list.length;
  }

  /** Rows in the document. */
  get size(): number {
    return this.#to - this.#from;
  }

  get isFull(): boolean {
    return this.size >= ROWS_LIMIT;
  }

  /** Shows the end of a list. */
  toEnd(list: Ids = this.#list): void {
    const isHere = list === this.#list && this.isAtEnd;
    this.#list = list;
    this.#to = list.length;
    if (!isHere) this.#from = Math.max(0, this.#to - ROWS_KEPT);
  }

  /**
   * Changes to another list; shows what was shown of the list before, and what was added after its end.
   * `isPinned`: the user reads the end, so that rows are dropped at the front; else they are dropped at the
   * end. `mayDrop`: whether rows may be dropped.
   */
  follow(list: Ids, isPinned: boolean, mayDrop: boolean): void {
    const { isAtEnd } = this;
    const wasAtBeginning = this.#from === 0;
    const [first, last] = [this.#list[this.#from], this.#list[this.#to - 1]];
    const at = first === undefined ? Math.max(0, list.length - ROWS_KEPT) : place(list, first.id, this.#from);
    const to = isAtEnd || last === undefined ? list.length : place(list, last.id, this.#to - 1) + 1;
    // The first row loses what marks it as the first. Without rows above it, that would move what the user
    // reads.
    const from = wasAtBeginning ? Math.max(0, at - STEP) : at;
    this.#list = list;
    this.#from = from;
    this.#to = Math.min(to, list.length);
    if (this.size <= (mayDrop ? ROWS_LIMIT : HELD_ROWS_LIMIT)) return;
    if (isPinned) this.#from = this.#to - ROWS_KEPT;
    else this.#to = from + ROWS_LIMIT;
  }

  /** Shows that index and the rows around it. */
  around(index: number): void {
    if (index >= this.#from && index < this.#to) return;
    this.#from = Math.max(0, index - STEP);
    this.#to = Math.min(this.#list.length, this.#from + ROWS_KEPT);
  }

  /** Shows older rows; returns false if there are none. */
  up(mayDrop: boolean): boolean {
    if (this.#from === 0) return false;
    this.#from = Math.max(0, this.#from - STEP);
    if (mayDrop) this.#to = Math.min(this.#to, this.#from + ROWS_LIMIT);
    return true;
  }

  /** Shows newer rows; returns false if there are none. */
  down(mayDrop: boolean): boolean {
    if (this.isAtEnd) return false;
    this.#to = Math.min(this.#list.length, this.#to + STEP);
    if (mayDrop) this.#from = Math.max(this.#from, this.#to - ROWS_LIMIT);
    return true;
  }
}

/** Returns the index of an id, or the one it would have. Looks first at `before`, its former index. */
function place(list: Ids, id: string, before: number): number {
  if (list[before]?.id === id) return before;
  const found = list.findIndex((each) => each.id === id);
  if (found !== -1) return found;
  const next = list.findIndex((each) => compareIds(each.id, id) > 0);
  return next === -1 ? list.length : next;
}
