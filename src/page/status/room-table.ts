import type { ListedRoom, RoomsView } from "../../http/status/room-view.ts";
import { timeOf } from "../../protocol/ids.ts";
import { button, byId, element } from "../element.ts";
import { messageOf, requestJson } from "./requests.ts";
import { ALL_ROOMS, RoomPanel } from "./room-panel.ts";
import { countInWords, timeInWords } from "./words.ts";

/** Milliseconds between two requests for the rooms; each costs the server a look at every listed room. */
const ROOMS_MS = 10_000;

/** One row of the table. */
interface Row {
  readonly row: HTMLTableRowElement;
  readonly count: HTMLElement;
  readonly last: HTMLElement;
}

/** The table of rooms; its buttons open a room in the panel below it. */
export class RoomTable {
  readonly #body = byId("rooms", HTMLTableSectionElement);
  readonly #error = byId("rooms-error", HTMLElement);
  readonly #panel = new RoomPanel();
  #rows: ReadonlyMap<string, Row> = new Map();
  #nextAt = 0;

  constructor() {
    byId("all-rooms", HTMLButtonElement).addEventListener("click", () => void this.#panel.open(ALL_ROOMS));
  }

  /** Requests and shows the rooms, if that is due, or why there is no answer. */
  async refresh(): Promise<void> {
    const now = performance.now();
    if (now < this.#nextAt) return;
    const due = now + ROOMS_MS;
    this.#nextAt = due;
    try {
      const view = await requestJson<RoomsView>("/status/rooms");
      if (this.#nextAt !== due) return;
      this.#error.textContent = "";
      this.#show(view);
    } catch (error) {
      if (this.#nextAt === due) this.#error.textContent = messageOf(error);
    }
  }

  /** Shows a room, which need not be in the table, in the panel. */
  open(room: string): void {
    void this.#panel.open(room);
  }

  /** Forgets what was shown: nobody is signed in. */
  clear(): void {
    this.#nextAt = 0;
    this.#error.textContent = "";
    this.#body.replaceChildren();
    this.#panel.close();
  }

  #show({ rooms }: RoomsView): void {
    this.#rows = new Map(rooms.map((room) => [room.room, this.#row(room)]));
    const rows = [...this.#rows.values()].map(({ row }) => row);
    const shown = [...this.#body.rows];
    // Rows that stay where they are keep the focus, and a press that has begun.
    if (rows.length === shown.length && rows.every((row, index) => row === shown[index])) return;
    const focused = document.activeElement;
    this.#body.replaceChildren(...rows);
    if (focused instanceof HTMLElement && this.#body.contains(focused)) focused.focus();
  }

  #row({ room, last, count }: ListedRoom): Row {
    const row = this.#rows.get(room) ?? this.#newRow(room);
    row.count.textContent = countInWords(count);
    row.last.textContent = timeInWords(timeOf(last));
    return row;
  }

  #newRow(room: string): Row {
    const open = button(room, "act", () => this.open(room));
    const name = element("th", "", open);
    name.scope = "row";
    const count = element("td");
    const last = element("td");
    return { row: element("tr", "", name, count, last), count, last };
  }
}
