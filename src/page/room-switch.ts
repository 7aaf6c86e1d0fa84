import type { ChatClient } from "../client/client.ts";
import type { Room } from "../client/room.ts";
import type { Composer } from "./composer.ts";
import { draftOf } from "./drafts.ts";
import { roomLink, roomOf } from "./places.ts";
import type { Preferences } from "./preferences.ts";
import type { RoomNav } from "./room-nav.ts";
import { RoomView, type RoomViewPorts } from "./room-view.ts";

/** Rooms joined at once; the one left longest ago is left for good, unless something waits to be sent there. */
const JOINED_LIMIT = 10;

export interface RoomSwitchPorts {
  readonly client: ChatClient;
  readonly preferences: Preferences;
  readonly nav: RoomNav;
  readonly composer: Composer;
  readonly title: HTMLElement;
  readonly view: RoomViewPorts;
  /** Another room is shown. */
  readonly opened: () => void;
  /** A room is joined that was not. */
  readonly joined: (room: Room) => void;
}

/** Which room is shown. Follows links and the browser's history; counts what is unread in the others. */
export class RoomSwitch {
  readonly #ports: RoomSwitchPorts;
  readonly #unread = new Map<string, number>();
  readonly #counting = new Set<Room>();
  #defaultRoom = "";
  #current: Room | undefined;
  #view: RoomView | undefined;

  constructor(ports: RoomSwitchPorts) {
    this.#ports = ports;
    addEventListener("popstate", () => this.#show(roomOf(location.search) ?? this.#defaultRoom));
  }

  get current(): Room | undefined {
    return this.#current;
  }

  get view(): RoomView | undefined {
    return this.#view;
  }

  /** Shows the room of the address line, or that one if it names none. */
  begin(defaultRoom: string): void {
    this.#defaultRoom = defaultRoom;
    this.#show(roomOf(location.search) ?? defaultRoom);
  }

  /** Changes to a room as a link does. */
  open(name: string): void {
    if (name !== this.#current?.name) history.pushState(null, "", roomLink(name));
    this.#show(name);
  }

  /** Joins a room without showing it. */
  join(name: string): Room {
    const room = this.#ports.client.join(name);
    this.#count(room);
    return room;
  }

  #show(name: string): void {
    const { preferences, composer, title } = this.#ports;
    this.#ports.opened();
    if (name === this.#current?.name) return;
    if (this.#current !== undefined) this.#leaveView(this.#current);
    const room = this.join(name);
    this.#current = room;
    this.#unread.delete(name);
    preferences.visited(name);
    title.textContent = name;
    document.title = `${name} · dynochat`;
    this.#view = new RoomView(room, this.#ports.view);
    composer.draft = draftOf(name);
    this.#leaveOldest();
    this.#showNav();
  }

  #leaveView(room: Room): void {
    room.typing(false);
    this.#view?.close();
  }

  #count(room: Room): void {
    if (this.#counting.has(room)) return;
    this.#counting.add(room);
    this.#ports.joined(room);
    room.on("added", ({ messages }) => {
      if (room === this.#current) return;
      const own = this.#ports.client.self?.id;
      const others = messages.filter((message) => message.user !== own).length;
      if (others === 0) return;
      this.#unread.set(room.name, (this.#unread.get(room.name) ?? 0) + others);
      this.#showNav();
    });
  }

  #leaveOldest(): void {
    const { client, preferences } = this.#ports;
    const stale = client.rooms.filter(
      (room) => !preferences.rooms.slice(0, JOINED_LIMIT).includes(room.name),
    );
    for (const room of stale) {
      if (room.outgoing.length > 0) continue;
      client.leave(room.name);
      this.#counting.delete(room);
      this.#unread.delete(room.name);
    }
  }

  #showNav(): void {
    const names = [...this.#ports.preferences.rooms].sort((a, b) => a.localeCompare(b));
    this.#ports.nav.show(names, this.#current?.name ?? "", this.#unread);
  }
}
