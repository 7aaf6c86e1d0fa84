import { element } from "../element.ts";
import { addUnread, NONE_UNREAD, type UnreadCount, unreadCountText } from "../unread/unread-count.ts";
import { nearestRoom, ROOM_RULE, roomLink, roomName } from "./places.ts";

export interface RoomNavPorts {
  readonly list: HTMLElement;
  /** Shows the unread count of the other rooms while the list is hidden. */
  readonly elsewhere: HTMLElement;
  readonly form: HTMLFormElement;
  readonly field: HTMLInputElement;
  readonly error: HTMLElement;
  readonly open: (room: string) => void;
}

/** Makes an unread count with its meaning for screen readers; nothing for zero. */
function badge(unread: UnreadCount): readonly Node[] {
  const text = unreadCountText(unread);
  if (text === "") return [];
  return [element("span", "unread", text), element("span", "visually-hidden", "unread")];
}

/** Lists the rooms that the user knows, with their unread counts, and opens others by name. */
export class RoomNav {
  readonly #ports: RoomNavPorts;
  #shown = "";

  constructor(ports: RoomNavPorts) {
    this.#ports = ports;
    ports.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    ports.list.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Whether the user is typing the name of a room. */
  get isWritten(): boolean {
    const { field } = this.#ports;
    return field.value !== "" && document.activeElement === field;
  }

  show(rooms: readonly string[], current: string, unread: ReadonlyMap<string, UnreadCount>): void {
    const countOf = (room: string) => unread.get(room) ?? NONE_UNREAD;
    const shown = JSON.stringify([current, rooms.map((room) => [room, countOf(room)])]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { list } = this.#ports;
    const { activeElement } = document;
    const focused =
      activeElement instanceof HTMLElement && list.contains(activeElement) ? activeElement : null;
    const others = rooms.filter((room) => room !== current);
    this.#ports.elsewhere.replaceChildren(...badge(others.map(countOf).reduce(addUnread, NONE_UNREAD)));
    const links = rooms.map((room) => this.#link(room, room === current, countOf(room)));
    list.replaceChildren(...links);
    // A link that is made again keeps the focus of the one before.
    const room = focused?.dataset["room"];
    if (room !== undefined) list.querySelector<HTMLElement>(`[data-room="${room}"]`)?.focus();
  }

  #link(room: string, isCurrent: boolean, unread: UnreadCount): HTMLLIElement {
    const link = element("a", "room-link", element("span", "room-link-name", room));
    link.href = roomLink(room);
    link.dataset["room"] = room;
    // The list cuts a long name.
    link.title = room;
    if (isCurrent) link.setAttribute("aria-current", "page");
    link.classList.toggle("has-unread", unread.count > 0);
    link.append(...badge(unread));
    return element("li", "", link);
  }

  /** Changes the room on a plain click; with a modifier key the browser opens the link as usual. */
  #clicked(event: MouseEvent): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const room = link?.dataset["room"];
    if (room === undefined) return;
    event.preventDefault();
    this.#ports.open(room);
  }

  #submit(): void {
    const { field, error, open } = this.#ports;
    const room = roomName(field.value);
    if (room === undefined) {
      const nearest = nearestRoom(field.value);
      error.textContent = `${ROOM_RULE}${nearest === undefined ? "" : ` Try ${nearest}.`}`;
      return;
    }
    field.value = "";
    error.textContent = "";
    open(room);
  }
}
