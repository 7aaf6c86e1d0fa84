import type { Outgoing } from "../../client/room/outgoing.ts";
import type { Message } from "../../client/room/timeline.ts";
import { compareIds } from "../../protocol/ids.ts";
import { beginningOf } from "../room/beginning.ts";
import type { Resize } from "./folded-text.ts";
import { messageRow, outgoingRow, renewTimes } from "./message-row.ts";
import { RowWindow } from "./row-window.ts";

export interface MessageListPorts {
  /** The user, whose messages are marked as their own; undefined before the server has named them. */
  readonly self: () => { readonly id: string; readonly handle: string } | undefined;
  /** Whether the user reads the newest messages. */
  readonly isPinned: () => boolean;
  readonly loadGap: (id: string) => void;
  /** Runs a change with which the user unfolds or folds a long text. */
  readonly resize: Resize;
  readonly retry: (key: string) => void;
  readonly edit: (item: Outgoing) => void;
  readonly discard: (key: string) => void;
}

/** Newest messages that are searched for one of the user's own that has just arrived. */
const LOOK_BACK = 50;

/** A row, and everything that it was made from. */
interface Shown {
  readonly message: Message;
  readonly before: Message | undefined;
  readonly isOwn: boolean;
  readonly unread: string;
  readonly row: HTMLLIElement;
}

interface Waiting {
  readonly item: Outgoing;
  readonly row: HTMLLIElement;
}

/**
 * The rows of a room: stored messages in order, after them the outgoing ones. Of a long list only some
 * hundreds of rows are in the document; others are made when the user scrolls to them.
 */
export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #ports: MessageListPorts;
  readonly #window = new RowWindow();
  #messages: readonly Message[] = [];
  #shown = new Map<string, Shown>();
  /** Id of the message that has the unread line above it. */
  #line: string | undefined;
  #lineText = "";
  #items: readonly Outgoing[] = [];
  #outgoing = new Map<string, Waiting>();

  constructor(list: HTMLOListElement, ports: MessageListPorts) {
    this.#list = list;
    this.#ports = ports;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#items.length === 0;
  }

  /** Whether the oldest message has its row. */
  get isAtBeginning(): boolean {
    return this.#window.from === 0;
  }

  /** Whether the newest message has its row. */
  get isAtEnd(): boolean {
    return this.#window.isAtEnd;
  }

  /** Shows another room, at its end. */
  open(messages: readonly Message[], items: readonly Outgoing[]): void {
    this.#line = undefined;
    this.#outgoing.clear();
    this.#list.replaceChildren();
    this.#shown.clear();
    this.#messages = messages;
    this.#items = items;
    this.#window.toEnd(messages);
    this.#render();
  }

  /** Shows these messages; a message that did not change keeps its row. */
  update(messages: readonly Message[]): void {
    this.#messages = messages;
    this.#window.follow(messages, this.#ports.isPinned(), this.#mayDrop());
    this.#render();
  }

  /** Shows the outgoing messages, in that order. */
  showOutgoing(items: readonly Outgoing[]): void {
    this.#items = items;
    this.#renderOutgoing();
  }

  /** Puts the unread line above the message with that id; undefined removes it. */
  markUnread(id: string | undefined, text: string): void {
    this.#line = id;
    this.#lineText = text;
    this.#render();
  }

  /**
   * The unread line; or whether its message comes before or after the rows in the document; undefined if
   * there is none.
   */
  get line(): Element | "before" | "after" | undefined {
    const id = this.#line;
    if (id === undefined) return undefined;
    const row = this.#shown.get(id)?.row;
    if (row !== undefined) return row.querySelector(".unread-line") ?? row;
    const first = this.#messages[this.#window.from];
    return first !== undefined && compareIds(id, first.id) < 0 ? "before" : "after";
  }

  /** Makes the row of the message below the unread line, and the rows around it. */
  showLine(): void {
    const index = this.#messages.findIndex(({ id }) => id === this.#line);
    if (index === -1) return;
    this.#window.around(index);
    this.#render();
  }

  /** Updates all times after another day has begun or the time zone has changed. */
  renewTimes(): void {
    for (const { message, before, unread, row } of this.#shown.values()) {
      const { day, starts } = beginningOf(message, before);
      renewTimes(row, message.at, { day, starts: starts || unread !== "" });
    }
    for (const { item, row } of this.#outgoing.values()) {
      renewTimes(row, item.at, { day: false, starts: row.classList.contains("starts") });
    }
  }

  /** Makes rows of older messages that are in memory. Returns whether there are any, and space for them. */
  older(): boolean {
    // While the newest row is in view too, no row can be dropped to make space.
    if (this.#window.isFull && this.#ports.isPinned()) return true;
    const moved = this.#window.up(this.#mayDrop());
    if (moved) this.#render();
    return moved;
  }

  /** Makes rows of newer messages. */
  newer(): void {
    if (this.#window.down(this.#mayDrop())) this.#render();
  }

  /** Makes the rows of the newest messages. */
  toNewest(): void {
    if (this.#window.isAtEnd) return;
    this.#window.toEnd();
    this.#render();
  }

  /** Returns whether rows may be dropped; rows with a selection or the focus may not. */
  #mayDrop(): boolean {
    const selection = getSelection();
    const selects = selection?.isCollapsed === false && selection.containsNode(this.#list, true);
    return !selects && !this.#list.contains(document.activeElement);
  }

  #render(): void {
    const { from, to } = this.#window;
    const next = new Map<string, Shown>();
    for (let index = from; index < to; index += 1) {
      const message = this.#messages[index];
      if (message !== undefined) next.set(message.id, this.#rowOf(message, this.#messages[index - 1]));
    }
    for (const [id, { row }] of this.#shown) if (next.get(id)?.row !== row) row.remove();
    this.#shown = next;
    this.#renderOutgoing();
    let following: ChildNode | null = this.#firstOutgoing();
    for (const { row } of [...next.values()].reverse()) {
      if (row.parentNode === null || row.nextSibling !== following) this.#list.insertBefore(row, following);
      following = row;
    }
  }

  /** Returns the row of a message; the existing one if nothing changed that it was made from. */
  #rowOf(message: Message, before: Message | undefined): Shown {
    const known = this.#shown.get(message.id);
    const isOwn = message.user === this.#ports.self()?.id;
    const unread = message.id === this.#line ? this.#lineText : "";
    const isSame =
      known?.message === message &&
      known.before === before &&
      known.isOwn === isOwn &&
      known.unread === unread;
    if (isSame) return known;
    const beginning = beginningOf(message, before);
    const { loadGap, resize } = this.#ports;
    const row = messageRow(
      message,
      { ...beginning, starts: beginning.starts || unread !== "" },
      { isOwn, unread, loadGap, resize },
    );
    return { message, before, isOwn, unread, row };
  }

  /**
   * Shows outgoing messages, after the newest message only. A row is made again only if its state changed.
   */
  #renderOutgoing(): void {
    const self = this.#ports.self() ?? { id: "", handle: "You" };
    const next = new Map<string, Waiting>();
    let before: { user: string; handle: string; at: number } | undefined = this.#messages.at(-1);
    for (const item of this.isAtEnd ? this.#items : []) {
      // The message arrived: its outgoing row is removed in the same tick, so that nothing flickers.
      if (this.#isStored(item.key, self.id)) continue;
      const known = this.#outgoing.get(item.key);
      const place = { user: self.id, handle: self.handle, at: item.at };
      const isSame = known?.item.state === item.state && known.item.error === item.error;
      const row = isSame
        ? known.row
        : outgoingRow(item, beginningOf(place, before), { ...this.#ports, self });
      if (!isSame && known !== undefined) known.row.replaceWith(row);
      else if (row.parentNode === null) this.#list.append(row);
      next.set(item.key, { item, row });
      before = place;
    }
    for (const [key, { row }] of this.#outgoing) if (!next.has(key)) row.remove();
    this.#outgoing = next;
  }

  /** Searches the newest messages only: an outgoing message was sent not long ago, or is not stored. */
  #isStored(key: string, self: string): boolean {
    return this.#messages.slice(-LOOK_BACK).some((message) => message.key === key && message.user === self);
  }

  #firstOutgoing(): HTMLLIElement | null {
    for (const { row } of this.#outgoing.values()) return row;
    return null;
  }
}
