import type { Room } from "../client/room.ts";
import { compareIds } from "../protocol.ts";
import type { Announcer } from "./announcer.ts";
import type { MessageList } from "./message-list.ts";
import type { PeoplePanel } from "./people-panel.ts";
import type { Reading } from "./reading.ts";
import type { Scroll } from "./scroll.ts";
import { typingWords } from "./typing-line.ts";

export interface RoomViewPorts {
  readonly list: MessageList;
  readonly scroll: Scroll;
  readonly people: PeoplePanel;
  /** Where one's own name stands, as the others see it in this room. */
  readonly ownName: HTMLElement;
  readonly announcer: Announcer;
  /** Above the first message. */
  readonly head: HTMLElement;
  readonly typingLine: HTMLElement;
  readonly selfId: () => string | undefined;
  readonly reading: Reading;
}

/** Shows one room on the page, until `close`. */
export class RoomView {
  readonly #room: Room;
  readonly #ports: RoomViewPorts;
  readonly #listeners: (() => void)[];
  #isLoading = false;
  #isFull = false;

  constructor(room: Room, ports: RoomViewPorts) {
    this.#room = room;
    this.#ports = ports;
    const { list, scroll } = ports;
    this.#listeners = [
      room.on("reset", () => {
        this.#redraw();
        ports.reading.listChanged();
      }),
      room.on("added", ({ messages, live, gone }) => {
        list.append(messages);
        if (gone.length > 0) scroll.keepPlace(() => list.drop(gone));
        scroll.countBelow(messages.length);
        scroll.settle();
        ports.reading.arrived(messages, live);
        this.#showHead();
        if (live) ports.announcer.add(messages.filter((message) => message.user !== ports.selfId()));
      }),
      room.on("changed", (message) => scroll.keepPlace(() => list.change(message))),
      room.on("older", (messages) => {
        scroll.keepPlace(() => list.insert(messages, (a, b) => compareIds(a, b) < 0));
      }),
      room.on("outgoing", (items) => {
        list.showOutgoing(items);
        scroll.settle();
        this.#showHead();
      }),
      room.on("people", () => this.#showPeople()),
      room.on("typing", (people) => {
        ports.typingLine.textContent = typingWords(people);
      }),
      room.on("state", () => this.#showHead()),
    ];
    ports.announcer.clear();
    ports.typingLine.textContent = typingWords(room.people.typing);
    this.#showPeople();
    this.#redraw();
    scroll.toNewest();
    ports.reading.enter(room);
  }

  close(): void {
    for (const off of this.#listeners) off();
  }

  /** Also the rows of one who has another name now. */
  redraw(): void {
    this.#redraw();
  }

  /** Fetches a page of older messages, or of those that are missing before `gap`. */
  async loadOlder(gap?: string): Promise<void> {
    if (this.#isLoading || (gap === undefined && !this.#room.hasOlder)) return;
    this.#isLoading = true;
    const outcome = await this.#room.loadOlder(gap);
    this.#isLoading = false;
    this.#isFull = outcome === "full";
    this.#showHead();
    // A page may be shorter than the window.
    if (outcome === "loaded" && gap === undefined) this.#ports.scroll.settle();
  }

  #redraw(): void {
    const { list, scroll } = this.#ports;
    scroll.keepPlace(() => {
      list.reset(this.#room.messages);
      list.showOutgoing(this.#room.outgoing);
    });
    this.#showHead();
  }

  #showPeople(): void {
    const { people, ownName, selfId } = this.#ports;
    people.show(this.#room.people);
    const self = this.#room.people.users.find((person) => person.id === selfId());
    // It has a suffix where a look-alike is there.
    if (self !== undefined) ownName.textContent = self.handle;
  }

  #showHead(): void {
    const { head, list } = this.#ports;
    const { name, state, refusal, hasOlder } = this.#room;
    const isEmpty = list.isEmpty;
    head.classList.toggle("is-empty", isEmpty);
    if (refusal !== undefined) head.textContent = refusal;
    else if (hasOlder && this.#isFull) head.textContent = "Older messages are not shown here.";
    else if (hasOlder) head.textContent = this.#isLoading ? "Loading older messages" : "";
    else if (!isEmpty) head.textContent = `This is where #${name} begins.`;
    else head.textContent = state === "current" ? `Nothing has been said in #${name} yet. Say hello.` : "";
  }
}
