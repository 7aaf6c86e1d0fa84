const NAME = "dynochat.name";
const ROOMS = "dynochat.rooms";
/** Rooms that are remembered, the newest first. */
const ROOMS_LIMIT = 20;

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // Storage may be shut off; the page then forgets, and works.
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The same, or it is full.
  }
}

/** What the page remembers between visits, in this browser. */
export class Preferences {
  #name = read(NAME) ?? "";
  #rooms: readonly string[] = (read(ROOMS) ?? "").split(" ").filter((room) => room !== "");

  /** Empty until one was given. */
  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    this.#name = name;
    write(NAME, name);
  }

  /** The rooms visited, the newest first. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  visited(room: string): void {
    this.#rooms = [room, ...this.#rooms.filter((each) => each !== room)].slice(0, ROOMS_LIMIT);
    write(ROOMS, this.#rooms.join(" "));
  }
}
