import { isRoom } from "../../protocol/ids.ts";
import { forgetRead } from "../unread/read-state.ts";
import { keepDraft } from "../writing/drafts.ts";
import { readStored, writeStored } from "./stored.ts";

const NAME = "dynochat.name";
const ROOMS = "dynochat.rooms";
/** Rooms that are remembered, the newest first. */
export const ROOMS_LIMIT = 20;

function storedRooms(): readonly string[] {
  return (readStored(ROOMS) ?? "").split(" ").filter(isRoom);
}

/** What the page remembers between visits, in this browser: all its tabs share it. */
export class Preferences {
  #name = readStored(NAME) ?? "";
  #rooms = storedRooms();

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

  /** Calls the listeners after another tab gave a name or visited a room; a name that it took back is kept here. */
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
    // A page that comes back by the browser's history was told nothing meanwhile.
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
