import type { Outgoing } from "../../src/client/room/outgoing.ts";
import type { Room } from "../../src/client/room/room.ts";
import type { Message } from "../../src/client/room/timeline.ts";
import type { Send } from "./send.ts";

/** One stay of one chatter in one room, followed by the library's events alone, as a page does it. */
export class RoomView {
  readonly room: Room;
  readonly #sends = new Map<string, Send>();
  #shown: Message[] = [];

  constructor(room: Room) {
    this.room = room;
    this.#shown = [...room.messages];
    room.on("reset", () => {
      this.#shown = [...room.messages];
    });
    room.on("added", ({ messages, gone }) => {
      const left = gone.length === 0 ? this.#shown : this.#shown.filter(({ id }) => !gone.includes(id));
      this.#shown = [...left, ...messages];
    });
    room.on("outgoing", (list) => this.#follow(list));
  }

  /** What a page would show, oldest first. */
  get shown(): readonly Message[] {
    return this.#shown;
  }

  get sends(): readonly Send[] {
    return [...this.#sends.values()];
  }

  /** Nothing is asked or sent any more. */
  get isQuiet(): boolean {
    if (this.room.state !== "current" && !this.isRefused) return false;
    // What was acked just before the user was shut out is not shown to them any more.
    return this.room.outgoing.every(
      ({ state }) => state === "failed" || (this.isRefused && state === "sent"),
    );
  }

  /** The server does not let the user in. */
  get isRefused(): boolean {
    return this.room.state === "refused";
  }

  /** Hands a text to the library, and returns its key; undefined if the room is refused. */
  say(text: string): string | undefined {
    if (this.room.refusal !== undefined) return undefined;
    const key = this.room.send(text);
    const state = this.room.outgoing.find((each) => each.key === key)?.state ?? "queued";
    this.#sends.set(key, { room: this.room.name, key, text, state, sent: false, abandoned: false });
    return key;
  }

  /** The chatter leaves; returns what it had sent. */
  left(): readonly Send[] {
    for (const send of this.#sends.values()) send.abandoned = send.state !== "shown";
    return this.sends;
  }

  #follow(list: readonly Outgoing[]): void {
    const states = new Map(list.map(({ key, state }) => [key, state]));
    for (const send of this.#sends.values()) {
      send.state = states.get(send.key) ?? "shown";
      if (send.state === "sent" || send.state === "shown") send.sent = true;
    }
  }
}
