import { BEGINNING, compareIds } from "../../src/protocol/ids.ts";
import type { Findings } from "./findings.ts";

/** An ack as it came. */
export interface SeenAck {
  readonly user: string;
  readonly room: string;
  readonly key: string;
  readonly id: string;
}

/** What the connections of one person were sent, over all of them. */
export interface Seen {
  readonly acks: SeenAck[];
  /** The newest entry of each room that any of them was sent, in whatever frame. */
  readonly newest: Map<string, string>;
  duplicates: number;
  joins: number;
}

export function nothingSeen(): Seen {
  return { acks: [], newest: new Map(), duplicates: 0, joins: 0 };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Listens to one connection beside the client library, which mends what a server does wrong: from each `joined` on, every
 * entry must name the one before it, exactly, and no answer may say that something was lost.
 */
export class WireWitness {
  readonly #who: string;
  readonly #seen: Seen;
  readonly #findings: Findings;
  /** The newest id that this connection was given, a room. */
  readonly #heads = new Map<string, string>();
  #user = "";

  constructor(who: string, seen: Seen, findings: Findings) {
    this.#who = who;
    this.#seen = seen;
    this.#findings = findings;
  }

  /** One text frame from the server. */
  received(text: string): void {
    const frame: Fields = JSON.parse(text);
    const { type, user, messages } = frame;
    for (const entry of Array.isArray(messages) ? messages.filter(isFields) : [frame]) this.#note(entry);
    if (typeof frame["prev"] === "string") this.#entry(frame, String(frame["room"]));
    else if (type === "welcome" && isFields(user)) this.#user = String(user["id"]);
    else if (type === "joined") this.#joined(frame, String(frame["room"]));
    else if (type === "ack") this.#ack(frame);
    else if (type === "history" && frame["recovered"] === false) {
      this.#findings.add("told-gap", `${this.#who} was told that a history does not continue`);
    }
  }

  #note({ id, prev, room }: Fields): void {
    if (typeof id !== "string" || typeof prev !== "string") return;
    const { newest } = this.#seen;
    const before = newest.get(String(room)) ?? BEGINNING;
    if (compareIds(id, before) > 0) newest.set(String(room), id);
  }

  #entry({ id, prev }: Fields, room: string): void {
    const head = this.#heads.get(room);
    if (head === undefined) {
      this.#findings.add("wire-chain", `${this.#who} was sent ${room} ${id} before it had joined`);
    } else if (prev !== head) {
      this.#findings.add("wire-chain", `${this.#who} was sent ${room} ${id}, prev ${prev}, behind ${head}`);
    }
    this.#heads.set(room, String(id));
  }

  #joined({ recovered, head, messages, more, ref }: Fields, room: string): void {
    this.#seen.joins += 1;
    const entries: readonly Fields[] = Array.isArray(messages) ? messages.filter(isFields) : [];
    if (recovered !== true) {
      const whose = ref === undefined ? "by the server itself" : "in answer to its join";
      this.#findings.add("told-gap", `${this.#who} was told ${whose} that ${room} lost something`);
    }
    for (const [index, { id, prev }] of entries.entries()) {
      const before = entries[index - 1]?.["id"];
      if (before !== undefined && before !== prev) {
        this.#findings.add(
          "wire-chain",
          `${this.#who} joined ${room} and got ${id}, prev ${prev}, behind ${before}`,
        );
      }
    }
    const last = entries.at(-1)?.["id"];
    if (more !== true && last !== undefined && last !== head) {
      this.#findings.add("wire-chain", `${this.#who} joined ${room}: head ${head}, but the last is ${last}`);
    }
    this.#heads.set(room, typeof head === "string" ? head : BEGINNING);
  }

  #ack({ room, key, id, duplicate }: Fields): void {
    if (duplicate === true) this.#seen.duplicates += 1;
    this.#seen.acks.push({ user: this.#user, room: String(room), key: String(key), id: String(id) });
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
