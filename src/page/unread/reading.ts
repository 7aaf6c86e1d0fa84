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

/** Up to where each room was read. */
export interface ReadMarks {
  of(room: string): string | undefined;
  /** Returns whether it went on. */
  advance(room: string, id: string): boolean;
}

export interface ReadingPorts {
  readonly readState: ReadMarks;
  readonly selfId: () => string | undefined;
  /** Whether the window is shown and has the focus. */
  readonly isWatching: () => boolean;
  /** Whether the newest message is in view. */
  readonly isPinned: () => boolean;
  /** Where the line is, seen from the window; undefined if it has no row. */
  readonly linePlace: () => "above" | "inside" | "below" | undefined;
  /** The line stands above the message with that id now, and says that. */
  readonly lineMoved: (id: string | undefined, text: string) => void;
  /** What is unread above the window is another than before, or may be. */
  readonly aboveChanged: (above: UnreadAbove | undefined) => void;
  /** Something was read. */
  readonly readOn: () => void;
}

/** What was read of the room that is shown, and what was not. */
export class Reading {
  readonly #ports: ReadingPorts;
  #room: Room | undefined;
  #line: UnreadLine = NO_LINE;
  /** Until the first messages of the room are there. */
  #isEntering = false;
  /** What the line marks: what came after `#mark`, up to `#until`. */
  #mark: string | undefined;
  #until = BEGINNING;
  /** What is unread above the window is not to be offered any more. */
  #isDismissed = false;

  constructor(ports: ReadingPorts) {
    this.#ports = ports;
  }

  /** Another room is shown. */
  enter(room: Room): void {
    this.#room = room;
    this.#isEntering = true;
    this.#apply({ name: "enter" });
    this.#ports.aboveChanged(undefined);
    if (room.messages.length > 0) this.listChanged();
  }

  /** The room is not shown any more. */
  leave(): void {
    this.#room = undefined;
  }

  /** The room's list is there, or is another one. */
  listChanged(): void {
    const room = this.#room;
    if (room === undefined) return;
    if (this.#isEntering) {
      const { readState } = this.#ports;
      this.#isEntering = false;
      this.#isDismissed = false;
      this.#mark = readState.of(room.name);
      this.#until = room.messages.at(-1)?.id ?? BEGINNING;
      // Of an empty room everything was read, so that its first message can be unread.
      if (room.messages.length === 0) readState.advance(room.name, BEGINNING);
      this.#find(false);
    }
    this.look();
  }

  /** Older messages are here, or cannot be had. `isFull`: no more are kept in memory. */
  olderLoaded(isFull: boolean): void {
    if (this.#line.name === "sought") this.#find(isFull);
    this.look();
  }

  /** Whether the place of the line has to be loaded first. */
  get isSought(): boolean {
    return this.#line.name === "sought";
  }

  /** `live`: as they were sent; others were missed during an absence, so the line shows where they begin. */
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

  /** A message is sent: what is unread above is known. */
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

  /** To be called whenever the newest message is in view, or is not, and when somebody looks at the window or away. */
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

  /** What is unread and not in view, above the window. */
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
