import { isRoom } from "../../protocol/ids.ts";
import { forgetRead } from "../unread/read-state.ts";
import { keepDraft } from "../writing/drafts.ts";
import { readStored, writeStored } from "./stored.ts";

const NAME = "dynochat.name";
const ROOMS = "dynochat.rooms";
/** Rooms that are remembered at most. */
export const ROOMS_LIMIT = 20;

function storedRooms(): readonly string[] {
  return (readStored(ROOMS) ?? "").split(" ").filter(isRoom);
}

/** What the page remembers between visits, in this browser; all its tabs share it. */
export class Preferences {
  #name = readStored(NAME) ?? "";
  #rooms = storedRooms();

  /** The name that the user chose; empty until then. */
  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    this.#name = name;
    writeStored(NAME, name);
  }

  /** The rooms visited, newest first. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  /**
   * Calls the listeners after the user chose a name or visited a room in another tab; a name that was removed
   * there is kept here.
   */
  follow(named: () => void, visited: () => void): void {
    const look = () => {
      const name = readStored(NAME) ?? this.#name;
      const rooms = storedRooms();
      const [isNamed, isVisited] = [name !== this.#name, rooms.join() !== this.#rooms.join()];
      this.#name = name;
      if (rooms.length > 0) this.#rooms = rooms;
      if (isNamed) named();
      if (isVisited) visited();
    };
    addEventListener("storage", look);
    // A page that the browser restores from its history got no events meanwhile.
    addEventListener("pageshow", look);
  }

  visited(room: string): void {
    // Another tab may have visited one a moment ago.
    const rooms = [...new Set([room, ...storedRooms(), ...this.#rooms])];
    this.#rooms = rooms.slice(0, ROOMS_LIMIT);
    writeStored(ROOMS, this.#rooms.join(" "));
    for (const forgotten of rooms.slice(ROOMS_LIMIT)) {
      keepDraft(forgotten, "");
      forgetRead(forgotten);
    }
  }
}
