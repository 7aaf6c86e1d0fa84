import type { People } from "../../client/room/people.ts";
import type { Person } from "../../protocol/frames.ts";
import { element } from "../element.ts";
import { avatar } from "../messages/avatar.ts";

export interface PeoplePanelPorts {
  readonly list: HTMLElement;
  readonly title: HTMLElement;
  /** All elements that show the number of people. */
  readonly counts: readonly HTMLElement[];
  readonly more: HTMLElement;
  readonly self: () => Person | undefined;
}

/**
 * Shows the users in the room: the user first, then the others by name. Of many people it shows those who are
 * known, and how many more there are.
 */
export class PeoplePanel {
  readonly #ports: PeoplePanelPorts;

  constructor(ports: PeoplePanelPorts) {
    this.#ports = ports;
  }

  show(people: Pick<People, "count" | "users">): void {
    const { list, counts, more } = this.#ports;
    const self = this.#ports.self()?.id;
    const sorted = [...people.users].sort(
      (a, b) => Number(b.id === self) - Number(a.id === self) || a.handle.localeCompare(b.handle),
    );
    list.replaceChildren(...sorted.map((person) => this.#row(person, person.id === self)));
    for (const count of counts) count.textContent = String(people.count);
    const unnamed = people.count - sorted.length;
    more.textContent = unnamed > 0 ? `and ${unnamed} more` : "";
  }

  /** Marks the list as outdated while there is no connection. */
  setStale(isStale: boolean): void {
    const { list, title } = this.#ports;
    title.textContent = isStale ? "Last seen here" : "Here now";
    list.classList.toggle("is-stale", isStale);
  }

  #row(person: Person, isSelf: boolean): HTMLLIElement {
    const row = element("li", "person", avatar(person), element("span", "person-name", person.handle));
    if (isSelf) row.append(element("span", "person-you", "you"));
    return row;
  }
}
