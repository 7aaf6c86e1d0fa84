import type { Outgoing } from "../client/outgoing.ts";
import type { Message } from "../client/timeline.ts";
import { beginningOf } from "./beginning.ts";
import { messageRow, outgoingRow } from "./message-row.ts";

export interface MessageListPorts {
  /** Who reads: their messages are marked as their own. */
  readonly self: () => { readonly id: string; readonly handle: string } | undefined;
  readonly loadGap: (id: string) => void;
  readonly retry: (key: string) => void;
  readonly discard: (key: string) => void;
}

interface Shown {
  message: Message;
  row: HTMLLIElement;
}

/** The rows of a room: stored messages in their order, behind them what is on its way. */
export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #ports: MessageListPorts;
  #shown: Shown[] = [];
  /** The message that has the unread line above it. */
  #line: string | undefined;
  #outgoing = new Map<string, { readonly item: Outgoing; readonly row: HTMLLIElement }>();

  constructor(list: HTMLOListElement, ports: MessageListPorts) {
    this.#list = list;
    this.#ports = ports;
  }

  get isEmpty(): boolean {
    return this.#shown.length === 0 && this.#outgoing.size === 0;
  }

  /** Shows another list. */
  reset(messages: readonly Message[]): void {
    this.#shown = [];
    this.#outgoing.clear();
    this.#list.replaceChildren();
    this.append(messages);
  }

  append(messages: readonly Message[]): void {
    const first = this.#shown.length;
    const rows = document.createDocumentFragment();
    for (const message of messages) {
      if (message.key !== undefined && message.user === this.#ports.self()?.id) this.#takeOver(message.key);
      const shown = { message, row: this.#row(message, this.#shown.at(-1)?.message) };
      this.#shown.push(shown);
      rows.append(shown.row);
    }
    if (first < this.#shown.length) this.#list.insertBefore(rows, this.#firstOutgoing());
  }

  /** Puts older messages where their ids say; all belong to one place. */
  insert(messages: readonly Message[], isBefore: (a: string, b: string) => boolean): void {
    const last = messages.at(-1);
    if (last === undefined) return;
    const found = this.#shown.findIndex((shown) => isBefore(last.id, shown.message.id));
    const index = found === -1 ? this.#shown.length : found;
    const rows = document.createDocumentFragment();
    let before = this.#shown[index - 1]?.message;
    const added: Shown[] = [];
    for (const message of messages) {
      added.push({ message, row: this.#row(message, before) });
      before = message;
    }
    rows.append(...added.map((shown) => shown.row));
    this.#list.insertBefore(rows, this.#shown[index]?.row ?? this.#firstOutgoing());
    this.#shown.splice(index, 0, ...added);
    this.#redraw(index + added.length);
  }

  change(message: Message): void {
    const index = this.#shown.findIndex((shown) => shown.message.id === message.id);
    const shown = this.#shown[index];
    if (shown === undefined) return;
    shown.message = message;
    this.#redraw(index);
  }

  /** Puts the unread line above the message with that id, or nowhere. */
  markUnread(id: string | undefined): void {
    const before = this.#line;
    this.#line = id;
    for (const each of [before, id]) {
      const index = this.#shown.findIndex((shown) => shown.message.id === each);
      if (each !== undefined && index !== -1) this.#redraw(index);
    }
  }

  /** Takes away rows at the front. */
  drop(ids: readonly string[]): void {
    const gone = new Set(ids);
    const left = this.#shown.filter((shown) => !gone.has(shown.message.id));
    for (const shown of this.#shown) if (gone.has(shown.message.id)) shown.row.remove();
    this.#shown = left;
    if (gone.size > 0) this.#redraw(0);
  }

  /** Shows what is on its way, in that order. A row is only made anew where its state changed. */
  showOutgoing(items: readonly Outgoing[]): void {
    const self = this.#ports.self() ?? { id: "", handle: "You" };
    const next = new Map<string, { readonly item: Outgoing; readonly row: HTMLLIElement }>();
    const last = this.#shown.at(-1)?.message;
    let before: { user: string; handle: string; at: number } | undefined = last;
    for (const item of items) {
      const known = this.#outgoing.get(item.key);
      const place = { user: self.id, handle: self.handle, at: item.at };
      const isSame = known?.item.state === item.state && known.item.error === item.error;
      const row = isSame
        ? known.row
        : outgoingRow(item, beginningOf(place, before), { ...this.#ports, self });
      if (!isSame && known !== undefined) known.row.replaceWith(row);
      else if (known === undefined) this.#list.append(row);
      next.set(item.key, { item, row });
      before = place;
    }
    for (const [key, { row }] of this.#outgoing) if (!next.has(key)) row.remove();
    this.#outgoing = next;
  }

  #row(message: Message, before: Message | undefined): HTMLLIElement {
    const isOwn = message.user === this.#ports.self()?.id;
    const isUnread = message.id === this.#line;
    const { loadGap } = this.#ports;
    const beginning = beginningOf(message, before);
    const starts = beginning.starts || isUnread;
    return messageRow(message, { ...beginning, starts }, { isOwn, isUnread, loadGap });
  }

  #redraw(index: number): void {
    const shown = this.#shown[index];
    if (shown === undefined) return;
    const row = this.#row(shown.message, this.#shown[index - 1]?.message);
    shown.row.replaceWith(row);
    shown.row = row;
  }

  /** The message arrived: its row on the way goes in the same turn, so that nothing flickers. */
  #takeOver(key: string): void {
    this.#outgoing.get(key)?.row.remove();
    this.#outgoing.delete(key);
  }

  #firstOutgoing(): HTMLLIElement | null {
    for (const { row } of this.#outgoing.values()) return row;
    return null;
  }
}
