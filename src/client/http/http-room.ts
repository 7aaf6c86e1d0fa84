import type { Fields } from "./http-calls.ts";

/** What is collected for a `joined` frame: the answer to a join, or without `ref` the server's own. */
interface Joining {
  readonly ref: unknown;
  readonly recovered: boolean;
  readonly more: unknown;
  readonly messages: Fields[];
}

/** One room of an event stream. Turns its events into the frames that a socket would send. */
export class HttpRoom {
  readonly name: string;
  readonly #tell: (frame: Fields) => void;
  /** The last id that arrived; undefined if the stream is to begin with the next message. */
  #cursor: string | undefined;
  #joining: Joining | undefined;
  /** Ids of the users that were reported to the client, to find out who left while no stream was open. */
  #people = new Set<unknown>();

  constructor(name: string, tell: (frame: Fields) => void) {
    this.name = name;
    this.#tell = tell;
  }

  /** The room in the form that `GET /api/events` expects. */
  get query(): string {
    return this.#cursor === undefined ? this.name : `${this.name}@${this.#cursor}`;
  }

  /**
   * Begins a join with what is known so far: the stream continues from `cursor`, and its `joined` completes
   * the answer.
   */
  joins(ref: unknown, page: Fields, recovered: boolean, cursor: string | undefined): void {
    const messages = Array.isArray(page["messages"]) ? page["messages"] : [];
    this.#joining = { ref, recovered, more: page["more"], messages };
    this.#cursor = cursor;
  }

  entry(frame: Fields): void {
    const { id } = frame;
    if (typeof id === "string") this.#cursor = id;
    if (this.#joining === undefined) this.#tell(frame);
    else this.#joining.messages.push(frame);
  }

  /**
   * To be called when the stored messages do not continue from the cursor: up to `joined` the newest messages
   * follow.
   */
  reset(): void {
    this.#joining = { ref: this.#joining?.ref, recovered: false, more: true, messages: [] };
  }

  /** To be called when everything up to `head` has arrived. */
  joined({ head, present, handle }: Fields): void {
    const joining = this.#joining;
    const before = this.#people;
    this.#joining = undefined;
    if (typeof head === "string") this.#cursor = head;
    this.#people = new Set(peopleIn(present, "users").map(({ id }) => id));
    if (joining === undefined) {
      const left = [...before].filter((id) => !this.#people.has(id));
      const { count, users } = present as { count: unknown; users: unknown };
      this.#tell({ type: "presence", room: this.name, count, joined: users, left });
      return;
    }
    const { ref, ...found } = joining;
    const answers = ref === undefined ? {} : { ref };
    this.#tell({ type: "joined", ...answers, room: this.name, head, present, handle, ...found });
  }

  presence(frame: Fields): void {
    for (const { id } of peopleIn(frame, "joined")) this.#people.add(id);
    const { left } = frame;
    if (Array.isArray(left)) for (const id of left) this.#people.delete(id);
    this.#tell(frame);
  }
}

function peopleIn(fields: unknown, name: string): readonly Fields[] {
  const people = (fields as Fields | undefined)?.[name];
  return Array.isArray(people) ? people : [];
}
