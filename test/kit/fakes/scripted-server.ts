import type { OpenSocket, SocketListener } from "../../../src/client/ports.ts";
import type { ClientFrame } from "../../../src/protocol/frames.ts";
import type { FakeClock } from "./fake-clock.ts";

/** Milliseconds that a frame is on its way. */
const WAY_MS = 10;

/** The server's end of one connection. */
export interface Peer {
  /** The first one is 1. */
  readonly number: number;
  /** Sends a frame to the client. */
  deliver(frame: object): void;
  close(code: number, reason?: string): void;
}

export interface Script {
  /** Called where a client wants a socket; accepted where there is none. */
  readonly opening?: (peer: Peer, accept: () => void) => void;
  /** Called with each frame of a client. */
  readonly received: (frame: ClientFrame, peer: Peer) => void;
}

/** What a client did, and when. */
export interface Act {
  readonly at: number;
  readonly peer: number;
  readonly frame: ClientFrame;
}

/** A server that does what the script says, whatever docs/protocol.md says, and notes what a client does about it. */
export class ScriptedServer {
  /** When sockets were opened, ms. */
  readonly opened: number[] = [];
  readonly acts: Act[] = [];
  readonly #clock: FakeClock;
  readonly #script: Script;
  #newest: Line | undefined;

  constructor(clock: FakeClock, script: Script) {
    this.#clock = clock;
    this.#script = script;
  }

  readonly open: OpenSocket = (_url, _subprotocol, listener) => {
    const clock = this.#clock;
    const { received, opening = (_peer, accept) => accept() } = this.#script;
    this.opened.push(clock.now());
    const line = new Line(clock, listener, this.opened.length);
    this.#newest = line;
    clock.after(WAY_MS, () => opening(line, () => line.accept()));
    return {
      send: (text) => {
        const frame: ClientFrame = JSON.parse(text);
        this.acts.push({ at: clock.now(), peer: line.number, frame });
        clock.after(WAY_MS, () => {
          if (line.isOpen) received(frame, line);
        });
      },
      close: () => line.abandon(),
    };
  };

  /** Sends a frame by itself, on the newest connection. */
  deliver(frame: object): void {
    this.#newest?.deliver(frame);
  }

  /** When a client sent frames of a type, ms. */
  times(type: ClientFrame["type"]): number[] {
    return this.acts.filter(({ frame }) => frame.type === type).map(({ at }) => at);
  }
}

class Line implements Peer {
  readonly number: number;
  isOpen = true;
  readonly #clock: FakeClock;
  readonly #listener: SocketListener;

  constructor(clock: FakeClock, listener: SocketListener, number: number) {
    this.#clock = clock;
    this.#listener = listener;
    this.number = number;
  }

  accept(): void {
    if (this.isOpen) this.#listener.opened();
  }

  deliver(frame: object): void {
    const text = JSON.stringify(frame);
    this.#clock.after(WAY_MS, () => {
      if (this.isOpen) this.#listener.received(text);
    });
  }

  close(code: number, reason = ""): void {
    this.#clock.after(WAY_MS, () => {
      if (!this.isOpen) return;
      this.isOpen = false;
      this.#listener.closed(code, reason);
    });
  }

  abandon(): void {
    this.isOpen = false;
  }
}

/** The answer of a server where all is well and nothing is stored; undefined for a frame that has none. */
export function goodAnswer(frame: ClientFrame): object | undefined {
  const { type } = frame;
  switch (type) {
    case "hello":
      return {
        type: "welcome",
        ref: frame.ref,
        session: "s",
        token: frame.token ?? "g.me.x",
        user: { id: "me", handle: frame.handle ?? "guest-me" },
        pingMs: 25_000,
        limits: { textLength: 2_000, frameBytes: 32_768, messagesPerSecond: 5, burst: 10, rooms: 50 },
      };
    case "join":
      return {
        type: "joined",
        ref: frame.ref,
        room: frame.room,
        recovered: true,
        head: frame.after ?? "9-0",
        messages: frame.after === undefined ? [entry(frame.room, 9)] : [],
        more: frame.after === undefined,
        present: { count: 1, users: [{ id: "me", handle: "guest-me" }] },
        handle: "guest-me",
      };
    case "message":
      return { type: "ack", ref: frame.ref, room: frame.room, key: frame.key, id: "10-0" };
    case "history":
      return { type: "history", ref: frame.ref, room: frame.room, messages: [], more: false };
    case "leave":
      return { type: "ok", ref: frame.ref };
    case "ping":
      return { type: "pong", ref: frame.ref };
    default:
      return undefined;
  }
}

/** Message n of a room's stream. */
export function entry(room: string, n: number): object {
  const place = { id: `${n}-0`, prev: `${n - 1}-0`, room };
  return { ...place, type: "message", user: "other", handle: "Other", text: `text ${n}` };
}
