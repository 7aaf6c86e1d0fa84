import type { OpenSocket, Random, SocketListener } from "../../../src/client/ports.ts";
import type { ClientFrame, EntryFrame, HistoryRequest, MessageFrame } from "../../../src/protocol/frames.ts";
import { compareIds } from "../../../src/protocol/ids.ts";
import type { FakeClock } from "./fake-clock.ts";

/** How likely each thing goes wrong, 0 to 1. */
export interface Faults {
  /** The connection ends after a frame, and what is under way is lost. */
  drop: number;
  /** A live message is not delivered (its `prev` shows it). */
  lostPublish: number;
  /** `unavailable`, half of the time although the message was stored. */
  unavailable: number;
  rateLimited: number;
  /** An ack is sent twice. */
  doubleAck: number;
  /** A live message is delivered twice. */
  doubleEcho: number;
  /** An entry of a type that the client does not know is stored after a message. */
  hidden: number;
  /** A join or history is refused for now. */
  joinRefused: number;
  /** The store loses everything, and says so. */
  reset: number;
  /** A request of any type is refused for now, with whatever number for the time to wait. */
  refused: number;
  /** The connection is closed with one of the codes after which a client comes back. */
  closed: number;
  /** The server says something by itself that asks for nothing, or for less than it seems. */
  noise: number;
}

const FOR_NOW = ["unavailable", "rate-limited", "storage-full"];
const WAITS_MS = [undefined, null, 0, -5, 200, 5_000, "soon"];
const CLOSES: readonly [number, string][] = [
  [1000, ""],
  [1001, ""],
  [1008, ""],
  [1011, ""],
  [1012, ""],
  [1013, ""],
  [4408, ""],
  [4429, "0"],
  [4429, "300"],
  [4429, "soon"],
];
const NOISE: readonly object[] = [
  { type: "expiring", inMs: 0 },
  { type: "restart", reconnectInMs: 0 },
  { type: "restart", reconnectInMs: -5 },
  { type: "restart", reconnectInMs: 1e300 },
  { type: "restart", reconnectInMs: 900 },
  { type: "status", live: true, reason: "" },
  { type: "status", live: false, reason: "" },
  { type: "ping" },
  { type: "notice", text: "hello" },
  { type: "error", code: "rate-limited", message: "no", retryable: true, retryAfterMs: -1 },
];

interface Connection {
  readonly listener: SocketListener;
  joined: boolean;
  open: boolean;
  /** Frames arrive in order: none before this time. */
  lastAt: number;
}

/** An entry of the store; those that are no messages are not shown. */
type LogEntry =
  | EntryFrame
  | (Pick<MessageFrame, "id" | "prev" | "room"> & { readonly type: "of-the-future" });

/** Everything goes well. */
export const NO_FAULTS: Faults = {
  drop: 0,
  lostPublish: 0,
  unavailable: 0,
  rateLimited: 0,
  doubleAck: 0,
  doubleEcho: 0,
  hidden: 0,
  joinRefused: 0,
  reset: 0,
  refused: 0,
  closed: 0,
  noise: 0,
};

/** Messages an answer holds: small, so that catching up takes pages. */
const PAGE = 7;

/**
 * A server with one room, as docs/protocol.md describes it, on a fake clock: frames take a random time,
 * in order on each connection, and everything that may go wrong does, as likely as `faults` says.
 */
export class ModelServer {
  readonly log: LogEntry[] = [];
  /** How often the store was lost. */
  resets = 0;
  faults: Faults;
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #keys = new Map<string, string>();
  #connections: Connection[] = [];
  #lastId = 0;

  constructor(clock: FakeClock, random: Random, faults: Faults) {
    this.#clock = clock;
    this.#random = random;
    this.faults = faults;
  }

  readonly open: OpenSocket = (_url, _subprotocol, listener) => {
    const connection: Connection = { listener, joined: false, open: true, lastAt: 0 };
    this.#connections.push(connection);
    this.#later(connection, () => listener.opened());
    return {
      send: (text) => {
        const frame: ClientFrame = JSON.parse(text);
        this.#clock.after(this.#delay(), () => this.#received(connection, frame));
      },
      close: () => this.#end(connection),
    };
  };

  /** What of the store is to be shown. */
  get messages(): MessageFrame[] {
    return this.log.filter((entry) => entry.type === "message");
  }

  /** Somebody else says something. */
  say(text: string): void {
    this.#store({ user: "other", handle: "Other", text });
  }

  /** Sends a frame by itself, to the joined clients. */
  tell(frame: object): void {
    for (const connection of this.#joined()) this.#deliver(connection, frame);
  }

  /** Withdraws or changes the newest message. */
  amend(type: "removed" | "edited"): void {
    const target = this.messages.at(-1)?.id;
    if (target === undefined) return;
    const place = { id: this.#nextId(), prev: this.#lastStored(), room: "lobby", target };
    this.#append(type === "removed" ? { ...place, type } : { ...place, type, text: "better" });
  }

  #received(connection: Connection, frame: ClientFrame): void {
    if (!connection.open) return;
    if ("ref" in frame && this.#happens("refused")) {
      this.#refuse(connection, frame.ref, this.#pick(FOR_NOW), this.#pick(WAITS_MS));
    } else this.#answer(connection, frame);
    while (this.#happens("noise")) this.#deliver(connection, this.#pick(NOISE));
    if (this.#happens("closed")) {
      const [code, reason] = this.#pick(CLOSES);
      this.#end(connection);
      connection.listener.closed(code, reason);
    } else if (this.#happens("drop")) {
      this.#end(connection);
      connection.listener.closed(1006, "");
    }
  }

  #answer(connection: Connection, frame: ClientFrame): void {
    switch (frame.type) {
      case "hello":
        this.#deliver(connection, {
          type: "welcome",
          ref: frame.ref,
          session: "s",
          token: "t",
          user: { id: "me", handle: "Me" },
          pingMs: 25_000,
          limits: { textLength: 2_000, frameBytes: 32_768, messagesPerSecond: 5, burst: 10, rooms: 50 },
        });
        break;
      case "join":
        if (this.#happens("joinRefused")) this.#refuse(connection, frame.ref, "unavailable");
        else this.#join(connection, frame.ref, frame.after);
        break;
      case "history":
        this.#history(connection, frame);
        break;
      case "message":
        this.#message(connection, frame);
        break;
      default:
        break;
    }
  }

  #history(connection: Connection, { ref, before, after }: HistoryRequest): void {
    const end = this.log.findIndex(({ id }) => before !== undefined && compareIds(id, before) >= 0);
    const from = before === undefined ? (this.#behind(after ?? "0-0") ?? 0) : Math.max(0, end - PAGE);
    const to = before === undefined ? from + PAGE : end;
    const messages = this.log.slice(from, to);
    const more = before === undefined ? to < this.log.length : from > 0;
    this.#deliver(connection, { type: "history", ref, room: "lobby", messages, more });
  }

  #join(connection: Connection, ref: number, after: string | undefined): void {
    const from = after === undefined ? Math.max(0, this.log.length - PAGE) : this.#behind(after);
    const start = from ?? Math.max(0, this.log.length - PAGE);
    const messages = this.log.slice(start, start + PAGE);
    connection.joined = true;
    this.#deliver(connection, {
      type: "joined",
      ref,
      room: "lobby",
      recovered: from !== undefined,
      head: this.log.at(-1)?.id ?? "0-0",
      messages,
      more: after === undefined || from === undefined ? start > 0 : start + PAGE < this.log.length,
      present: { count: 1, users: [{ id: "me", handle: "Me" }] },
      handle: "Me",
    });
  }

  #message(connection: Connection, frame: Extract<ClientFrame, { type: "message" }>): void {
    const { ref, key, text } = frame;
    const isLost = this.#happens("unavailable");
    if (!connection.joined) this.#refuse(connection, ref, "not-joined");
    else if (this.#happens("rateLimited")) this.#refuse(connection, ref, "rate-limited", 300);
    else if (isLost && this.#random() < 0.5) this.#refuse(connection, ref, "unavailable");
    else this.#take(connection, ref, key, text, isLost);
  }

  /** `isLost`: the message is stored, and its sender is told that this is not known. */
  #take(connection: Connection, ref: number, key: string, text: string, isLost: boolean): void {
    const acknowledge = (id: string) => {
      if (isLost) this.#refuse(connection, ref, "unavailable");
      else this.#acknowledge(connection, ref, key, id);
    };
    const known = this.#keys.get(key);
    if (known !== undefined) {
      acknowledge(known);
      return;
    }
    const isAckFirst = this.#random() < 0.5;
    const id = this.#nextId();
    this.#keys.set(key, id);
    if (isAckFirst) acknowledge(id);
    this.#store({ user: "me", handle: "Me", text, key }, id);
    if (!isAckFirst) acknowledge(id);
  }

  #acknowledge(connection: Connection, ref: number, key: string, id: string): void {
    const times = this.#happens("doubleAck") ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      this.#deliver(connection, { type: "ack", ref, room: "lobby", key, id });
    }
  }

  #nextId(): string {
    this.#lastId += 1;
    return `${this.#lastId}-${this.#lastId % 3}`;
  }

  #store(fields: Pick<MessageFrame, "user" | "handle" | "text" | "key">, id = this.#nextId()): void {
    if (this.#happens("reset")) {
      this.resets += 1;
      this.log.length = 0;
      this.#keys.clear();
      for (const connection of this.#joined()) {
        this.#deliver(connection, {
          type: "joined",
          room: "lobby",
          recovered: false,
          head: "0-0",
          messages: [],
          more: false,
          present: { count: 1, users: [] },
          handle: "Me",
        });
      }
      // The message at hand is the first of the new log.
      if (fields.key !== undefined) this.#keys.set(fields.key, id);
    }
    this.#append({ id, prev: this.#lastStored(), type: "message", room: "lobby", ...fields });
    if (!this.#happens("hidden")) return;
    this.#append({ id: this.#nextId(), prev: this.#lastStored(), type: "of-the-future", room: "lobby" });
  }

  #lastStored(): string {
    return this.log.at(-1)?.id ?? "0-0";
  }

  #append(entry: LogEntry): void {
    this.log.push(entry);
    for (const connection of this.#joined()) {
      if (this.#happens("lostPublish")) continue;
      this.#deliver(connection, entry);
      if (this.#happens("doubleEcho")) this.#deliver(connection, entry);
    }
  }

  #joined(): Connection[] {
    return this.#connections.filter((connection) => connection.joined && connection.open);
  }

  /** The place in the store after an id; undefined if the store does not reach back to it. */
  #behind(id: string): number | undefined {
    if (id === "0-0") return 0;
    const index = this.log.findIndex((message) => message.id === id);
    return index === -1 ? undefined : index + 1;
  }

  #refuse(connection: Connection, ref: number, code: string, retryAfterMs?: unknown): void {
    this.#deliver(connection, {
      type: "error",
      ref,
      code,
      message: `It is ${code}.`,
      retryable: code !== "not-joined",
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  #deliver(connection: Connection, frame: object): void {
    const text = JSON.stringify(frame);
    this.#later(connection, () => connection.listener.received(text));
  }

  #later(connection: Connection, task: () => void): void {
    connection.lastAt = Math.max(connection.lastAt, this.#clock.now() + this.#delay());
    this.#clock.after(connection.lastAt - this.#clock.now(), () => {
      if (connection.open) task();
    });
  }

  #end(connection: Connection): void {
    connection.open = false;
    this.#connections = this.#connections.filter((each) => each !== connection);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }

  #happens(fault: keyof Faults): boolean {
    return this.#random() < this.faults[fault];
  }

  /** Milliseconds on the way. */
  #delay(): number {
    return Math.floor(this.#random() ** 3 * 400);
  }
}
