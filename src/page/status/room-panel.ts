import type { RoomAccessChange, RoomView } from "../../http/status/room-view.ts";
import { button, byId, element } from "../element.ts";
import { messageOf, requestJson } from "./requests.ts";
import { table } from "./table.ts";
import { countInWords, timeInWords } from "./words.ts";

const EVERYBODY = "*";

/** Seconds for which the button mutes. */
const MUTE_SECONDS = 600;

/** Makes the button of a change in the room that is shown. `name`: whose right it changes. */
type ButtonOf = (label: string, name: string, change: RoomAccessChange) => HTMLButtonElement;

/**
 * One room: who is there, its access rules, and the buttons that change them. It is read when it is opened and
 * after each change, and not by itself, so that no button moves away under the pointer.
 */
export class RoomPanel {
  readonly #panel = byId("room", HTMLElement);
  readonly #heading = byId("room-name", HTMLElement);
  readonly #line = byId("room-line", HTMLOutputElement);
  readonly #note = byId("room-note", HTMLElement);
  readonly #content = byId("room-content", HTMLElement);
  /** The room that is shown; empty = none. */
  #room = "";

  /** Requests and shows a room. `said`: what the line says first. */
  async open(room: string, said = ""): Promise<void> {
    if (this.#room !== room) {
      this.#note.hidden = true;
      this.#content.replaceChildren();
    }
    this.#room = room;
    this.#panel.hidden = false;
    this.#heading.textContent = room;
    // The button that was pressed may be gone after this.
    this.#heading.focus({ preventScroll: said !== "" });
    try {
      const view = await requestJson<RoomView>(pathOf(room));
      if (this.#room === room) this.#show(view, said);
    } catch (error) {
      this.#fail(room, error);
    }
  }

  close(): void {
    this.#room = "";
    this.#content.replaceChildren();
    this.#panel.hidden = true;
  }

  #show(view: RoomView, said: string): void {
    const { room, right, count, users } = view;
    const moderates = right === "moderate";
    this.#note.hidden = moderates;
    const act: ButtonOf = (label, name, change) => {
      const done = `${label}: ${name}, done.`;
      const made = button(label, "act", () => void this.#change(room, change, done));
      made.setAttribute("aria-label", `${label}: ${name}`);
      return made;
    };
    const shown = moderates
      ? [...locks(view, act), people(users, act), rulesOf(view, act)]
      : [people(users, undefined)];
    this.#content.replaceChildren(...shown);
    const named = count > users.length ? `, ${users.length} of them named` : "";
    this.#say(`${said} People here: ${countInWords(count)}${named}.`.trim(), false);
  }

  async #change(room: string, change: RoomAccessChange, done: string): Promise<void> {
    try {
      await requestJson(`${pathOf(room)}/access`, change);
      if (this.#room === room) await this.open(room, done);
    } catch (error) {
      this.#fail(room, error);
    }
  }

  #fail(room: string, error: unknown): void {
    if (this.#room === room) this.#say(messageOf(error), true);
  }

  #say(sentence: string, trouble: boolean): void {
    this.#line.textContent = sentence;
    this.#line.classList.toggle("is-trouble", trouble);
  }
}

function pathOf(room: string): string {
  return `/status/rooms/${room}`;
}

function locks({ room, rules, more }: RoomView, act: ButtonOf): HTMLElement[] {
  const isLocked = rules.some(({ user }) => user === EVERYBODY);
  const lock = act("Lock room", room, { user: EVERYBODY, right: "read" });
  const unlock = act("Unlock room", room, { user: EVERYBODY, right: "default" });
  if (isLocked) return [unlock];
  // The rule may be one of the older ones.
  return more ? [lock, unlock] : [lock];
}

function people(users: RoomView["users"], act: ButtonOf | undefined): HTMLElement {
  if (act === undefined)
    return table(
      "People",
      ["Name", "User id"],
      users.map(({ id, handle }) => [handle, id]),
    );
  const rows = users.map(({ id, handle }) => {
    const mute = act("Mute 10 min", handle, { user: id, right: "read", seconds: MUTE_SECONDS });
    return [handle, id, element("span", "", mute, act("Shut out", handle, { user: id, right: "none" }))];
  });
  return table("People", ["Name", "User id", "Change"], rows);
}

function rulesOf({ users, rules, more }: RoomView, act: ButtonOf): HTMLElement {
  const names = new Map(users.map(({ id, handle }) => [id, `${handle} (${id})`]));
  names.set(EVERYBODY, "everybody");
  const rows = rules.map(({ user, right, by, until, reason = "" }) => {
    const name = names.get(user) ?? user;
    const most = right === "none" ? "nothing" : right;
    const end = until === undefined ? "changed" : timeInWords(until);
    return [name, most, by, end, reason, act("Take back", name, { user, right: "default" })];
  });
  const caption = more ? `The newest ${rules.length} access rules` : "Access rules";
  return table(caption, ["User", "May", "Set by", "Until", "Reason", "Change"], rows);
}
