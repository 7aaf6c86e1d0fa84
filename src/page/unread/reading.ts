import type { Room } from "../../client/room/room.ts";
import type { Message } from "../../client/room/timeline.ts";
import { BEGINNING, compareIds, timeOf } from "../../protocol/ids.ts";
import {
  lineText,
  NO_LINE,
  nextUnreadLine,
  type UnreadLine,
  type UnreadLineEvent,
} from "../messages/unread-line.ts";
import { unreadOf } from "./unread.ts";
import type { UnreadAbove } from "./unread-above.ts";

/** The last id that was read in each room. */
export interface ReadMarks {
  of(room: string): string | undefined;
  /** Stores a later id. Returns false, and stores nothing, if it is not later. */
  advance(room: string, id: string): boolean;
}

export interface ReadingPorts {
  readonly readState: ReadMarks;
  readonly selfId: () => string | undefined;
  /** Returns whether the window is shown and has the focus. */
  readonly isWatching: () => boolean;
  /** Returns whether the newest message is in view. */
  readonly isPinned: () => boolean;
  /** Returns where the unread line is, relative to the window; undefined if it has no row. */
  readonly linePlace: () => "above" | "inside" | "below" | undefined;
  /** Called when the line moves above the message with that id, with its text. */
  readonly lineMoved: (id: string | undefined, text: string) => void;
  /** Called when the unread messages above the window may have changed. */
  readonly aboveChanged: (above: UnreadAbove | undefined) => void;
  /** Called when something was read. */
  readonly readOn: () => void;
}

/** Tracks what was read of the room that is shown. */
export class Reading {
  readonly #ports: ReadingPorts;
  #room: Room | undefined;
  #line: UnreadLine = NO_LINE;
  /** True until the first messages of the room have arrived. */
  #isEntering = false;
  /** The line marks the messages after the id `#mark`, up to `#until`. */
  #mark: string | undefined;
  #until = BEGINNING;
  /** Whether the unread messages above the window are no longer offered. */
  #isDismissed = false;

  constructor(ports: ReadingPorts) {
    this.#ports = ports;
  }

  /** To be called when another room is shown. */
  enter(room: Room): void {
    this.#room = room;
    this.#isEntering = true;
    this.#apply({ name: "enter" });
    this.#ports.aboveChanged(undefined);
    if (room.messages.length > 0) this.listChanged();
  }

  /** To be called when the room is no longer shown. */
  leave(): void {
    this.#room = undefined;
  }

  /** To be called when the room's list has been loaded or replaced. */
  listChanged(): void {
    const room = this.#room;
    if (room === undefined) return;
    if (this.#isEntering) {
      const { readState } = this.#ports;
      this.#isEntering = false;
      this.#isDismissed = false;
      this.#mark = readState.of(room.name);
      this.#until = room.messages.at(-1)?.id ?? BEGINNING;
      // Everything in an empty room counts as read, so that its first message can be unread.
      if (room.messages.length === 0) readState.advance(room.name, BEGINNING);
      this.#find(false);
    }
    this.look();
  }

  /**
   * To be called when older messages have been loaded, or cannot be. `isFull`: the page keeps no more in
   * memory.
   */
  olderLoaded(isFull: boolean): void {
    if (this.#line.name === "sought") this.#find(isFull);
    this.look();
  }

  /** Whether the message of the line has to be loaded first. */
  get isSought(): boolean {
    return this.#line.name === "sought";
  }

  /**
   * To be called with new messages. `live`: they arrived as they were sent; others were missed while
   * disconnected, so the line shows where they begin.
   */
  arrived(messages: readonly Message[], live: boolean): void {
    const { selfId, isPinned } = this.#ports;
    const self = selfId();
    const first = messages.find((message) => message.user !== self);
    if (this.#isEntering) this.listChanged();
    else if (first !== undefined && !(live && this.#isLooking)) {
      const before = this.#line;
      this.#apply({ name: "arrive", first: first.id, atEnd: isPinned() });
      if (this.#line !== before) {
        this.#mark = first.prev;
        this.#isDismissed = false;
      }
      this.#until = messages.at(-1)?.id ?? this.#until;
    }
    this.look();
  }

  /** To be called when the user sends a message: the unread ones above are taken as seen. */
  sent(): void {
    this.#isDismissed = true;
    this.look();
  }

  /** To be called whenever another part of the list is in the window. */
  moved(): void {
    const { isWatching, linePlace, aboveChanged } = this.#ports;
    if (this.#line.name === "new" && isWatching() && linePlace() === "inside") this.#apply({ name: "look" });
    aboveChanged(this.#above());
  }

  /**
   * To be called whenever the newest message is in view, or is not, and when the user looks at the window or
   * away.
   */
  look(): void {
    const room = this.#room;
    const { readState, readOn } = this.#ports;
    this.moved();
    const newest = room?.messages.at(-1);
    if (room === undefined || newest === undefined) return;
    const isFirstVisit = readState.of(room.name) === undefined;
    if ((this.#isLooking || isFirstVisit) && readState.advance(room.name, newest.id)) readOn();
  }

  /** Whether the newest message is in view, in a window that has the focus. */
  get #isLooking(): boolean {
    return this.#ports.isWatching() && this.#ports.isPinned();
  }

  #find(isFull: boolean): void {
    const room = this.#room;
    if (room === undefined) return;
    const { messages, before } = unreadOf(room, this.#mark, this.#ports.selfId());
    if (before === "more" && !isFull) this.#apply({ name: "seek" });
    else this.#apply({ name: "find", first: messages[0]?.id, isCut: before !== "nothing" });
  }

  /** Returns what is unread above the window; undefined if nothing is. */
  #above(): UnreadAbove | undefined {
    const { selfId, linePlace } = this.#ports;
    const isAbove = this.isSought || (this.#line.name === "new" && linePlace() === "above");
    if (!isAbove || this.#isDismissed || this.#room === undefined || this.#mark === undefined)
      return undefined;
    const { messages } = unreadOf(this.#room, this.#mark, selfId());
    const first = messages[0]?.id;
    const since = this.isSought ? this.#mark : first;
    return {
      count: messages.filter(({ id }) => compareIds(id, this.#until) <= 0).length,
      hasMore: this.isSought,
      since: since === undefined || since === BEGINNING ? undefined : timeOf(since),
    };
  }

  #apply(event: UnreadLineEvent): void {
    const before = this.#line;
    this.#line = nextUnreadLine(before, event);
    const [from, to] = [before, this.#line].map((line) => ("id" in line ? line : undefined));
    if (from?.id !== to?.id) this.#ports.lineMoved(to?.id, to === undefined ? "" : lineText(to));
  }
}
