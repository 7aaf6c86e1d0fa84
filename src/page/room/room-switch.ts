import type { ChatClient } from "../../client/client.ts";
import type { Room } from "../../client/room/room.ts";
import { BEGINNING } from "../../protocol/ids.ts";
import { showBadge } from "../unread/badge.ts";
import type { ReadState } from "../unread/read-state.ts";
import { unreadOf } from "../unread/unread.ts";
import { addUnread, NONE_UNREAD, type UnreadCount } from "../unread/unread-count.ts";
import { type Preferences, ROOMS_LIMIT } from "../user/preferences.ts";
import type { SharedDraft } from "../writing/shared-draft.ts";
import { noRoomOf, roomLink, roomOf } from "./places.ts";
import type { RoomNav } from "./room-nav.ts";
import { RoomView, type RoomViewPorts } from "./room-view.ts";
import { type RoomLookup, spellingOf } from "./spelling.ts";

/** Milliseconds for which changes of unread counts are collected. */
const UNREAD_MS = 100;

export interface RoomSwitchPorts {
  readonly client: ChatClient;
  readonly lookup: RoomLookup;
  readonly preferences: Preferences;
  readonly nav: RoomNav;
  readonly readState: ReadState;
  readonly draft: SharedDraft;
  readonly title: HTMLElement;
  readonly view: RoomViewPorts;
  /** Called when another room is shown. */
  readonly opened: () => void;
  /** Called when the address names something that is not a room name. */
  readonly misnamed: (written: string) => void;
  /** Called when a room is joined that was not joined before. */
  readonly joined: (room: Room) => void;
}

/**
 * Decides which room is shown. Follows links and the browser's history, and counts what is unread in the
 * others.
 */
export class RoomSwitch {
  readonly #ports: RoomSwitchPorts;
  readonly #counting = new Set<Room>();
  #unreadTimer: ReturnType<typeof setTimeout> | undefined;
  #defaultRoom = "";
  #search: symbol | undefined;
  #current: Room | undefined;
  #view: RoomView | undefined;

  constructor(ports: RoomSwitchPorts) {
    this.#ports = ports;
    addEventListener("popstate", () => this.#follow());
  }

  get current(): Room | undefined {
    return this.#current;
  }

  get view(): RoomView | undefined {
    return this.#view;
  }

  /** Shows the room that the address names; else the one visited last; on a first visit `defaultRoom`. */
  begin(defaultRoom: string): void {
    this.#defaultRoom = defaultRoom;
    this.#follow();
  }

  /** Opens a room, as a link does. */
  open(name: string): void {
    this.#find(name, (room) => {
      if (room !== this.#current?.name) history.pushState(null, "", roomLink(room));
      this.#show(room);
    });
  }

  /** Shows the room that the address names. The address names the shown room from then on. */
  #follow(): void {
    const { preferences, misnamed } = this.#ports;
    const written = noRoomOf(location.search);
    if (written !== undefined) misnamed(written);
    this.#find(roomOf(location.search) ?? preferences.rooms[0] ?? this.#defaultRoom, (room) => {
      if (roomOf(location.search) !== room) history.replaceState(null, "", roomLink(room));
      this.#show(room);
    });
  }

  /**
   * Finds the spelling of a room: at once if this browser knows the room. A new search cancels the one
   * before.
   */
  #find(name: string, found: (room: string) => void): void {
    const search = Symbol();
    this.#search = search;
    const known = [...this.#ports.preferences.rooms, this.#defaultRoom];
    if (known.includes(name)) {
      found(name);
      return;
    }
    void spellingOf(name, known, this.#ports.lookup).then((room) => {
      if (this.#search === search) found(room);
    });
  }

  /** Joins a room without showing it. */
  join(name: string): Room {
    const room = this.#ports.client.join(name);
    this.#count(room);
    return room;
  }

  #show(name: string): void {
    const { preferences, draft, title } = this.#ports;
    this.#ports.opened();
    if (name === this.#current?.name) return;
    if (this.#current !== undefined) this.#leaveView(this.#current);
    preferences.visited(name);
    // First, so that the server's limit of rooms allows the next one.
    this.#leaveOthers(name);
    const room = this.join(name);
    this.#current = room;
    title.textContent = name;
    title.title = name;
    this.#view = new RoomView(room, this.#ports.view);
    this.#view.open();
    draft.open(name);
    this.#showUnread();
  }

  #leaveView(room: Room): void {
    room.typing(false);
    this.#view?.close();
  }

  #count(room: Room): void {
    if (this.#counting.has(room)) return;
    this.#counting.add(room);
    this.#ports.joined(room);
    room.on("added", () => this.showUnread());
    room.on("reset", () => {
      this.#begin(room);
      this.showUnread();
    });
  }

  /** Marks where unread messages begin in a room that was never shown while it could be joined. */
  #begin(room: Room): void {
    const { readState } = this.#ports;
    if (room === this.#current || readState.of(room.name) !== undefined) return;
    readState.advance(room.name, room.messages.at(-1)?.id ?? BEGINNING);
  }

  /**
   * Joins the rooms that this browser knows, so that each counts unread messages and notifies. If the server
   * allows fewer, joins those visited last.
   */
  joinKnown(): void {
    const { client } = this.#ports;
    // Before, it is not known how many rooms the server allows.
    if (client.connection.name !== "live" || this.#current === undefined) return;
    const known = this.#known(this.#current.name);
    this.#leaveOthers(this.#current.name);
    for (const name of known) this.join(name);
    this.showUnread();
  }

  /**
   * Returns the known rooms that may be joined while `current` is shown. Leaves one free for the next room
   * that is opened.
   */
  #known(current: string): ReadonlySet<string> {
    const { client, preferences } = this.#ports;
    const limit = Math.max(1, Math.min(ROOMS_LIMIT, client.roomLimit - 1));
    return new Set([...new Set([current, ...preferences.rooms])].slice(0, limit));
  }

  /** Leaves all other rooms in which nothing waits to be sent. */
  #leaveOthers(current: string): void {
    const { client } = this.#ports;
    const known = this.#known(current);
    for (const room of client.rooms) {
      if (known.has(room.name) || room.outgoing.length > 0) continue;
      client.leave(room.name);
      this.#counting.delete(room);
    }
  }

  /** Updates the unread counts soon, because something arrived or was read, here or in another tab. */
  showUnread(): void {
    this.#unreadTimer ??= setTimeout(() => this.#showUnread(), UNREAD_MS);
  }

  #showUnread(): void {
    clearTimeout(this.#unreadTimer);
    this.#unreadTimer = undefined;
    const { client, nav, preferences, readState } = this.#ports;
    const unread = new Map<string, UnreadCount>();
    let sum = NONE_UNREAD;
    for (const room of client.rooms) {
      const { messages, before } = unreadOf(room, readState.of(room.name), client.self?.id);
      const count = { count: messages.length, hasMore: before === "more" };
      unread.set(room.name, count);
      sum = addUnread(sum, count);
    }
    const current = this.#current?.name ?? "";
    const names = [...preferences.rooms].sort((a, b) => a.localeCompare(b));
    nav.show(names, current, unread);
    showBadge(current, sum);
  }
}
