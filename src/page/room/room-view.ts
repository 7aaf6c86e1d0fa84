import { PAGE, TIMELINE_LIMIT } from "../../client/limits.ts";
import type { OlderOutcome } from "../../client/room/older-pages.ts";
import type { Room } from "../../client/room/room.ts";
import type { Person } from "../../protocol/frames.ts";
import { BEGINNING } from "../../protocol/ids.ts";
import { element } from "../element.ts";
import type { MessageList } from "../messages/message-list.ts";
import type { Scroll } from "../messages/scroll.ts";
import { typingParts } from "../messages/typing-line.ts";
import type { Announcer } from "../unread/announcer.ts";
import type { Reading } from "../unread/reading.ts";
import { ownHandle } from "../user/own-handle.ts";
import { headText } from "./head-text.ts";
import type { PeoplePanel } from "./people-panel.ts";
import { recentPeople } from "./recent-people.ts";

/** Milliseconds, at least, between two updates of the recent writers in a crowd. */
const CROWD_MS = 1_000;
/** UTF-16 code units of a name that is never cut. Three such names fit on the narrowest page. */
const SHORT = 5;
/**
 * Pages of older messages after which the search for the first unread one ends: no more are kept in memory.
 */
const PAGES_LIMIT = TIMELINE_LIMIT / PAGE;

export interface RoomViewPorts {
  readonly list: MessageList;
  readonly scroll: Scroll;
  readonly people: PeoplePanel;
  /** Shows the user's own name as the others see it in this room. */
  readonly ownName: HTMLElement;
  /** The name that the user chose; empty if none. */
  readonly askedName: () => string;
  readonly announcer: Announcer;
  /** The text above the first message. */
  readonly head: HTMLElement;
  readonly typingLine: HTMLElement;
  readonly selfId: () => string | undefined;
  readonly reading: Reading;
}

/** Shows one room on the page, from `open` until `close`. A request that ends later changes nothing. */
export class RoomView {
  readonly #room: Room;
  readonly #ports: RoomViewPorts;
  #listeners: readonly (() => void)[] = [];
  #isClosed = false;
  #isLoading = false;
  #isFull = false;
  #crowdTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: Room, ports: RoomViewPorts) {
    this.#room = room;
    this.#ports = ports;
  }

  /**
   * To be called when this view is the page's current one, because the list requests older messages at once.
   */
  open(): void {
    const room = this.#room;
    const ports = this.#ports;
    const { list, scroll } = ports;
    this.#listeners = [
      room.on("reset", () => {
        this.redraw();
        ports.reading.listChanged();
      }),
      room.on("added", ({ messages, live }) => {
        this.#update();
        scroll.countBelow(messages.length);
        ports.reading.arrived(messages, live);
        this.#showHead();
        this.#showCrowdSoon();
        if (live) ports.announcer.add(messages.filter((message) => message.user !== ports.selfId()));
      }),
      room.on("changed", () => this.#update()),
      room.on("older", () => this.#update()),
      room.on("outgoing", (items) => {
        list.showOutgoing(items);
        scroll.settle();
        this.#showHead();
      }),
      room.on("people", () => this.#showPeople()),
      room.on("typing", () => {
        this.#showTyping();
        this.#showCrowdSoon();
      }),
      room.on("state", () => {
        this.#showHead();
        // Older messages that could not be fetched before can be fetched now.
        if (room.state === "current") scroll.settle();
      }),
    ];
    ports.announcer.clear();
    this.#showTyping();
    // Without a suffix until the people of this room are known: the suffix belongs to the room before.
    ports.ownName.textContent = ports.askedName();
    this.#showPeople();
    list.open(room.messages, room.outgoing);
    this.#showHead();
    scroll.toNewest();
    ports.reading.enter(room);
  }

  close(): void {
    this.#isClosed = true;
    this.#ports.reading.leave();
    clearTimeout(this.#crowdTimer);
    for (const off of this.#listeners) off();
  }

  /** Updates the whole list after the user's identity or the server's history has changed. */
  redraw(): void {
    this.#update();
    this.#showPeople();
    this.#showHead();
  }

  /** Makes rows of older messages, or fetches them, because the window is close to the first row. */
  nearTop(): void {
    if (this.#isClosed) return;
    const { list, scroll } = this.#ports;
    let found = false;
    scroll.keepPlace(() => {
      found = list.older();
    });
    if (!found) void this.loadOlder();
    this.#showHead();
  }

  /** Makes rows of newer messages, because the window is close to the last row. */
  nearBottom(): void {
    if (this.#isClosed) return;
    const { list, scroll } = this.#ports;
    scroll.keepPlace(() => list.newer());
  }

  /** Fetches a page of older messages, or of those that are missing before `gap`. */
  async loadOlder(gap?: string): Promise<void> {
    if (this.#isClosed || this.#isLoading || (gap === undefined && !this.#room.hasOlder)) return;
    const outcome = await this.#load(gap);
    // A page may be shorter than the window.
    if (!this.#isClosed && outcome === "loaded" && gap === undefined) this.#ports.scroll.settle();
  }

  /**
   * Shows the first unread message. Loads the messages between, as far as the server has them and the page
   * keeps them.
   */
  async toUnread(): Promise<void> {
    const { list, scroll, reading } = this.#ports;
    for (let pages = 0; reading.isSought && pages < PAGES_LIMIT; pages += 1) {
      const outcome = await this.#load();
      if (this.#isClosed || outcome === "unavailable" || outcome === "refused") return;
    }
    list.showLine();
    if (list.line instanceof Element) scroll.show(list.line);
    reading.look();
  }

  async #load(gap?: string): Promise<OlderOutcome> {
    this.#isLoading = true;
    const outcome = await this.#room.loadOlder(gap);
    this.#isLoading = false;
    this.#isFull = outcome === "full";
    if (this.#isClosed) return outcome;
    this.#showHead();
    this.#ports.reading.olderLoaded(this.#isFull);
    return outcome;
  }

  #update(): void {
    const { list, scroll } = this.#ports;
    scroll.keepPlace(() => list.update(this.#room.messages));
  }

  #showPeople(): void {
    const { people, ownName, askedName, selfId } = this.#ports;
    const room = this.#room;
    const handle = ownHandle(room, selfId(), askedName());
    if (handle !== "") ownName.textContent = handle;
    people.show({ count: room.people.count, users: this.#withSelf(handle) });
  }

  /** Whether the server tells only how many users there are. */
  get #isCrowd(): boolean {
    const { count, users } = this.#room.people;
    return users.length === 0 && count > 0;
  }

  /**
   * Returns the known users and the user. Of many users the server names some. Of a crowd it names none, so
   * that only recent writers are known.
   */
  #withSelf(handle: string): readonly Person[] {
    const id = this.#ports.selfId();
    const { messages, people } = this.#room;
    const known = this.#isCrowd ? recentPeople(messages, people.typing, Date.now()) : people.users;
    const isListed = !this.#isCrowd && known.some((person) => person.id === id);
    if (id === undefined || isListed || people.count === 0) return known;
    return [{ id, handle }, ...known.filter((person) => person.id !== id)];
  }

  #showCrowdSoon(): void {
    if (!this.#isCrowd) return;
    this.#crowdTimer ??= setTimeout(() => {
      this.#crowdTimer = undefined;
      this.#showPeople();
    }, CROWD_MS);
  }

  /**
   * Shows who is typing. If the line is too narrow, long names are cut, but not short ones or the words
   * between.
   */
  #showTyping(): void {
    this.#ports.typingLine.replaceChildren(
      ...typingParts(this.#room.people.typing).map((part, index) => {
        const isLongName = index % 2 === 0 && part.length > SHORT;
        return element("span", isLongName ? "name" : "", part);
      }),
    );
  }

  #showHead(): void {
    const { head, list } = this.#ports;
    head.classList.toggle("is-empty", list.isEmpty);
    const text = list.isAtBeginning
      ? headText({
          room: this.#room,
          isEmpty: list.isEmpty,
          isLoading: this.#isLoading,
          isFull: this.#isFull,
          isCut: (this.#room.messages[0]?.prev ?? BEGINNING) !== BEGINNING,
        })
      : "";
    if (head.textContent !== text) head.textContent = text;
  }
}
