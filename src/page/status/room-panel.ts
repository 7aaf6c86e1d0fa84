import type { RoomAccessChange, RoomView } from "../../http/status/room-view.ts";
import { isGuestId, isSiteUserId } from "../../protocol/ids.ts";
import { button, byId, element } from "../element.ts";
import { messageOf, requestJson } from "./requests.ts";
import { table } from "./table.ts";
import { countInWords, timeInWords } from "./words.ts";

const EVERYBODY = "*";
/** What the views call all rooms. */
export const ALL_ROOMS = "*";

/** Seconds for which the button mutes. */
export const MUTE_SECONDS = 600;

/** What a button sends, and where to. */
interface Act {
  readonly path: string;
  readonly body: RoomAccessChange | { readonly user: string };
}

/** Makes the button of an act. `name`: whom it is about. */
type ButtonOf = (label: string, name: string, act: Act) => HTMLButtonElement;

/**
 * One room, or all rooms: who is there, its access rules, and the buttons that change them. It is read when
 * it is opened and after each change, and not by itself, so that no button moves away under the pointer.
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
    this.#heading.textContent = room === ALL_ROOMS ? "All rooms" : room;
    // The button that was pressed may be gone after this.
    this.#heading.focus({ preventScroll: said !== "" });
    try {
      const view = await requestJson<RoomView>(room === ALL_ROOMS ? accessOf(room) : `/status/rooms/${room}`);
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
    const act: ButtonOf = (label, name, { path, body }) => {
      const done = `${label}: ${name}, done.`;
      const made = button(label, "act", () => void this.#carryOut(room, { path, body }, done));
      made.setAttribute("aria-label", `${label}: ${name}`);
      return made;
    };
    const shown = moderates
      ? [...locks(view, act), ...(room === ALL_ROOMS ? [] : [people(view, act)]), rulesOf(view, act)]
      : [people(view, undefined)];
    this.#content.replaceChildren(...shown);
    if (room === ALL_ROOMS) {
      this.#say(`${said} These rules hold in every room.`.trim(), false);
      return;
    }
    const named = count > users.length ? `, ${users.length} of them named` : "";
    this.#say(`${said} People here: ${countInWords(count)}${named}.`.trim(), false);
  }

  async #carryOut(room: string, { path, body }: Act, done: string): Promise<void> {
    try {
      await requestJson(path, body);
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

/** Returns the path of the access rules of a room, or of all rooms. */
export function accessOf(room: string): string {
  return room === ALL_ROOMS ? "/status/access" : `/status/rooms/${room}/access`;
}

function changeIn(room: string, body: RoomAccessChange): Act {
  return { path: accessOf(room), body };
}

function locks({ room, rules, more }: RoomView, act: ButtonOf): HTMLElement[] {
  const isLocked = rules.some(({ user }) => user === EVERYBODY);
  const [noun, name] = room === ALL_ROOMS ? ["all rooms", "everybody"] : ["room", room];
  const lock = act(`Lock ${noun}`, name, changeIn(room, { user: EVERYBODY, right: "read" }));
  const unlock = act(`Unlock ${noun}`, name, changeIn(room, { user: EVERYBODY, right: "default" }));
  if (isLocked) return [unlock];
  // The rule may be one of the older ones.
  return more ? [lock, unlock] : [lock];
}

function people({ room, users, moderatesAll }: RoomView, act: ButtonOf | undefined): HTMLElement {
  if (act === undefined)
    return table(
      "People",
      ["Name", "User id"],
      users.map(({ id, handle }) => [handle, id]),
    );
  const rows = users.map(({ id, handle }) => {
    const mute = changeIn(room, { user: id, right: "read", seconds: MUTE_SECONDS });
    const acts = [
      act("Mute 10 min", handle, mute),
      act("Shut out", handle, changeIn(room, { user: id, right: "none" })),
      ...(moderatesAll ? actsInAllRooms(id, handle, act) : []),
    ];
    return [handle, id, element("span", "", ...acts)];
  });
  return table("People", ["Name", "User id", "Change"], rows);
}

/** A guest could come back as another one, so the ban is of the address, too. */
function actsInAllRooms(id: string, handle: string, act: ButtonOf): HTMLElement[] {
  const address = isGuestId(id) ? { address: true } : {};
  const ban = act("Ban from all rooms", handle, changeIn(ALL_ROOMS, { user: id, right: "none", ...address }));
  if (!isSiteUserId(id)) return [ban];
  return [ban, act("Sign out", handle, { path: "/status/sign-out", body: { user: id } })];
}

function rulesOf({ room, users, rules, more }: RoomView, act: ButtonOf): HTMLElement {
  const names = new Map(users.map(({ id, handle }) => [id, `${handle} (${id})`]));
  names.set(EVERYBODY, "everybody");
  const rows = rules.map(({ user, right, by, until, reason = "" }) => {
    const name = names.get(user) ?? user;
    const most = right === "none" ? "nothing" : right;
    const end = until === undefined ? "changed" : timeInWords(until);
    return [name, most, by, end, reason, act("Take back", name, changeIn(room, { user, right: "default" }))];
  });
  const caption = more ? `The newest ${rules.length} access rules` : "Access rules";
  return table(caption, ["User", "May", "Set by", "Until", "Reason", "Change"], rows);
}
