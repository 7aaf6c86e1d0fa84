import type { Room } from "../client/room.ts";
import type { Message } from "../client/timeline.ts";
import { BEGINNING } from "../protocol.ts";
import { unreadOf } from "./unread.ts";
import { NO_LINE, nextUnreadLine, type UnreadLine, type UnreadLineEvent } from "./unread-line.ts";

/** Up to where each room was read. */
export interface ReadMarks {
  of(room: string): string | undefined;
  /** Returns whether it went on. */
  advance(room: string, id: string): boolean;
}

export interface ReadingPorts {
  readonly readState: ReadMarks;
  readonly selfId: () => string | undefined;
  /** Whether the newest message is in view, in a window that has the focus. */
  readonly isLooking: () => boolean;
  /** The line stands above the message with that id now. */
  readonly lineMoved: (id: string | undefined) => void;
  /** Something was read. */
  readonly readOn: () => void;
}

/** What one has read of the room that is shown. */
export class Reading {
  readonly #ports: ReadingPorts;
  #room: Room | undefined;
  #line: UnreadLine = NO_LINE;
  /** Until the first messages of the room are there. */
  #isEntering = false;

  constructor(ports: ReadingPorts) {
    this.#ports = ports;
  }

  /** Another room is shown. */
  enter(room: Room): void {
    this.#room = room;
    this.#isEntering = true;
    this.#apply({ name: "enter", first: undefined });
    if (room.messages.length > 0) this.listChanged();
  }

  /** The room's list is there, or is another one. */
  listChanged(): void {
    const room = this.#room;
    if (room === undefined) return;
    if (this.#isEntering) {
      const { readState, selfId } = this.#ports;
      const unread = unreadOf(room.messages, readState.of(room.name), selfId());
      // Of an empty room everything was read, so that its first message can be unread.
      if (room.messages.length === 0) readState.advance(room.name, BEGINNING);
      this.#isEntering = false;
      this.#apply({ name: "enter", first: unread[0]?.id });
    }
    this.look();
  }

  /** `live`: as they were sent; others were missed during an absence, so the line shows where they begin. */
  arrived(messages: readonly Message[], live: boolean): void {
    const self = this.#ports.selfId();
    const first = messages.find((message) => message.user !== self);
    if (this.#isEntering) this.listChanged();
    else if (first !== undefined && !(live && this.#ports.isLooking())) {
      this.#apply({ name: "arrive", first: first.id });
    }
    this.look();
  }

  /** One writes. */
  sent(): void {
    this.#apply({ name: "send" });
  }

  /** To be called whenever `isLooking` may be another. */
  look(): void {
    const room = this.#room;
    const newest = room?.messages.at(-1);
    const isLooking = this.#ports.isLooking();
    this.#apply({ name: isLooking ? "look" : "look-away" });
    if (room === undefined || newest === undefined) return;
    const isFirstVisit = this.#ports.readState.of(room.name) === undefined;
    if ((isLooking || isFirstVisit) && this.#ports.readState.advance(room.name, newest.id))
      this.#ports.readOn();
  }

  #apply(event: UnreadLineEvent): void {
    const before = this.#line;
    this.#line = nextUnreadLine(before, event);
    const [from, to] = [before, this.#line].map((line) => (line.name === "none" ? undefined : line.id));
    if (from !== to) this.#ports.lineMoved(to);
  }
}
