import {
  type ErrorFrame,
  isRoom,
  type NoticeFrame,
  type Person,
  type StatusFrame,
  type WelcomeFrame,
} from "../protocol.ts";
import type { ConnectionState } from "./connection.ts";
import { UNAUTHORIZED } from "./contract.ts";
import { Events } from "./events.ts";
import type { Incoming } from "./frames.ts";
import { TEXT_LENGTH } from "./limits.ts";
import { Link } from "./link.ts";
import {
  type Clock,
  MemoryTokenStore,
  type OpenSocket,
  openStandardSocket,
  type Random,
  systemClock,
  type TokenStore,
} from "./ports.ts";
import { Room, type RoomPorts } from "./room.ts";

export interface ChatClientOptions {
  /** Of the server's socket: `wss://example.org/ws`. */
  readonly url: string;
  /** The name others see; without one the server gives a guest's. */
  readonly handle?: string;
  /** Default: in memory, as long as this client lives. */
  readonly tokens?: TokenStore;
  /** Default: the surroundings' own WebSocket; Node 20 has none. */
  readonly openSocket?: OpenSocket;
  readonly clock?: Clock;
  /** Default: Math.random. */
  readonly random?: Random;
}

export interface ChatClientEvents {
  connection: ConnectionState;
  /** Who the server takes this client for, when that is new. */
  self: Person;
  /** The server does not take the name; the one before stays. The value is its sentence. */
  "handle-refused": string;
  /** The server's own words. */
  notice: NoticeFrame;
  /** Whether the server reaches its log; `room` absent: all rooms. */
  status: Pick<StatusFrame, "live" | "reason" | "room">;
}

/**
 * A connection to a chat server that mends itself, and the rooms that are joined on it.
 *
 * What it promises: each message of a room is in `Room.messages` once, in the server's order, and where
 * something is missing there is a mark. A text given to `Room.send` is stored once or is visibly failed.
 */
export class ChatClient extends Events<ChatClientEvents> {
  readonly #link: Link;
  readonly #tokens: TokenStore;
  readonly #rooms = new Map<string, Room>();
  readonly #roomPorts: RoomPorts;
  #handle: string | undefined;
  #self: Person | undefined;
  #textLength = TEXT_LENGTH;
  /** The token of the last hello, to tell a stale one from a person who is shut out. */
  #tokenSent: string | undefined;

  constructor(options: ChatClientOptions) {
    super();
    const { url, clock = systemClock, random = Math.random, openSocket = openStandardSocket } = options;
    this.#handle = options.handle;
    this.#tokens = options.tokens ?? new MemoryTokenStore();
    this.#link = new Link({
      url,
      clock,
      random,
      openSocket,
      changed: (state) => this.#connectionChanged(state),
      received: (frame) => this.#received(frame),
    });
    this.#roomPorts = { clock, random, link: this.#link, client: this };
  }

  get connection(): ConnectionState {
    return this.#link.state;
  }

  /** Undefined before the first welcome. */
  get self(): Person | undefined {
    return this.#self;
  }

  /** Code points of a text, as the server told; a usual number before it did. */
  get textLength(): number {
    return this.#textLength;
  }

  get rooms(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  /** Connects, and stays connected until `stop`. Also after it was closed for good: somebody tries again. */
  start(): void {
    this.#link.apply("start");
  }

  /** Disconnects. Rooms and unsent messages stay, for a later `start`. */
  stop(): void {
    this.#link.apply("stop");
  }

  /** Ends the wait before the next attempt to connect. */
  retryNow(): void {
    this.#link.apply("retry");
  }

  /**
   * Makes sure of the connection, for moments when it may have died unseen (the page is shown again, the network is
   * back or away): ends a wait, unless the server asked for it, or gives up a connection that does not answer within
   * 3 s. Calls `answered` when a live connection has answered.
   */
  probe(answered?: () => void): void {
    this.#link.probe(answered);
  }

  /** The name others see, from now on. */
  setHandle(handle: string): void {
    this.#handle = handle;
    if (this.#link.state.name === "live") this.#greet();
  }

  /** The room of that name, joined as soon as there is a connection. Throws a RangeError if it is no name of a room. */
  join(name: string): Room {
    const known = this.#rooms.get(name);
    if (known) return known;
    if (!isRoom(name)) throw new RangeError(`Not a room's name: ${name.slice(0, 80)}`);
    const room = new Room(name, this.#roomPorts);
    this.#rooms.set(name, room);
    if (this.#link.state.name === "live") room.connect();
    return room;
  }

  /** Leaves the room and forgets it, its unsent messages too. */
  leave(name: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    this.#rooms.delete(name);
    room.typing(false);
    room.disconnect();
    if (this.#link.state.name !== "live") return;
    this.#link.request({ type: "leave", room: name });
  }

  #greet(): void {
    const token = this.#tokens.load();
    const handle = this.#handle;
    this.#tokenSent = token;
    this.#link.request({ type: "hello", handle, token }, (answer) => {
      if (answer?.type === "welcome") {
        this.#welcomed(answer);
        // The name may have been given while the server was answering for the one before.
        if (this.#handle !== handle) this.#greet();
      } else if (answer?.type === "error") this.#helloRefused(answer, handle);
    });
  }

  #welcomed(frame: WelcomeFrame): void {
    const before = this.#self;
    this.#self = frame.user;
    if (frame.limits.textLength > 0) this.#textLength = frame.limits.textLength;
    if (frame.token) this.#tokens.save(frame.token);
    if (before?.id !== frame.user.id || before.handle !== frame.user.handle) this.emit("self", frame.user);
    this.#link.apply("welcome");
  }

  #helloRefused(error: ErrorFrame, handle: string | undefined): void {
    if (error.code === "bad-handle") {
      this.emit("handle-refused", error.message);
      // Another name may have been given meanwhile. And what is refused may be the one before.
      if (this.#handle === handle) this.#handle = this.#self?.handle;
      if (this.#handle === handle) this.#handle = undefined;
      if (this.#link.state.name === "greeting") this.#greet();
    } else this.#link.drop(error.code === "unauthorized" ? UNAUTHORIZED : undefined, error.message);
  }

  #connectionChanged(state: ConnectionState): void {
    if (state.name === "closed" && state.cause === "unauthorized" && this.#tokenSent) {
      // A kept token that no server knows any more must not shut a guest out: once more without it.
      this.#tokens.forget();
      this.#tokenSent = undefined;
      this.#link.apply("start");
      return;
    }
    // Before any listener is called: nothing may be sent on a connection before that.
    if (state.name === "greeting") this.#greet();
    for (const room of this.rooms) {
      if (state.name === "live") room.connect();
      else room.disconnect();
    }
    this.emit("connection", state);
  }

  #received(frame: Incoming): void {
    switch (frame.type) {
      case "notice":
        this.emit("notice", frame);
        break;
      case "status":
        for (const room of this.rooms) {
          if ((frame.room ?? room.name) === room.name) room.received(frame);
        }
        this.emit("status", frame);
        break;
      case "restart":
        this.#link.restart(frame.reconnectInMs);
        break;
      case "expiring":
        this.#greet();
        break;
      case "ping":
        this.#link.send({ type: "pong" });
        break;
      default:
        if ("room" in frame) this.#rooms.get(frame.room)?.received(frame);
    }
  }
}
