import { keepDraft } from "./drafts.ts";
import { forgetRead } from "./read-state.ts";
import { readStored, writeStored } from "./stored.ts";

const NAME = "dynochat.name";
const ROOMS = "dynochat.rooms";
/** Rooms that are remembered, the newest first. */
const ROOMS_LIMIT = 20;

/** What the page remembers between visits, in this browser. */
export class Preferences {
  #name = readStored(NAME) ?? "";
  #rooms: readonly string[] = (readStored(ROOMS) ?? "").split(" ").filter((room) => room !== "");

  /** Empty until one was given. */
  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    this.#name = name;
    writeStored(NAME, name);
  }

  /** The rooms visited, the newest first. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  visited(room: string): void {
    const rooms = [room, ...this.#rooms.filter((each) => each !== room)];
    this.#rooms = rooms.slice(0, ROOMS_LIMIT);
    writeStored(ROOMS, this.#rooms.join(" "));
    for (const forgotten of rooms.slice(ROOMS_LIMIT)) {
      keepDraft(forgotten, "");
      forgetRead(forgotten);
    }
  }
}
