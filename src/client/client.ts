import type { ErrorFrame, NoticeFrame, Person, StatusFrame, WelcomeFrame } from "../protocol/frames.ts";
import { isRoom } from "../protocol/ids.ts";
import { backoffMs, toldMs } from "./connection/backoff.ts";
import type { ConnectionState } from "./connection/connection.ts";
import { type GetToken, Greeting } from "./connection/greeting.ts";
import { Link } from "./connection/link.ts";
import { PONG_EVERY_MS } from "./connection/timing.ts";
import { Events } from "./events.ts";
import type { Incoming } from "./frames.ts";
import { TEXT_LENGTH } from "./limits.ts";
import {
  type Clock,
  MemoryTokenStore,
  type OpenSocket,
  openStandardSocket,
  type Random,
  systemClock,
  type TokenStore,
} from "./ports.ts";
import { Room, type RoomPorts } from "./room/room.ts";

/** Attempts to leave a room while the server postpones the request. */
const LEAVES = 5;

export interface ChatClientOptions {
  /** URL of the server's socket, such as `wss://example.org/ws`. */
  readonly url: string;
  /** The name that others see; without one the server chooses a guest's name. */
  readonly handle?: string;
  /**
   * Returns the site's token for the user who is signed in; undefined if no user is. Called before each
   * attempt to connect, before the token expires, and after the server has rejected one; never twice at a
   * time. A call that rejects or takes longer than 10 s is repeated after growing pauses. With it the user is
   * never a guest, and `tokens` is not used.
   */
  readonly getToken?: GetToken;
  /** Keeps a guest's token. Default: in memory, as long as this client exists. */
  readonly tokens?: TokenStore;
  /** Opens a socket. Default: the WebSocket of the browser or of Node; Node 20 has none. */
  readonly openSocket?: OpenSocket;
  readonly clock?: Clock;
  /** Default: Math.random. */
  readonly random?: Random;
}

export interface ChatClientEvents {
  connection: ConnectionState;
  /** The user whom the server identified, after a change. */
  self: Person;
  /** The server refused the name, and the one before stays. The value is the server's sentence. */
  "handle-refused": string;
  /** A notice of the server. */
  notice: NoticeFrame;
  /** Whether the server reaches its store; without `room` for all rooms. */
  status: Pick<StatusFrame, "live" | "reason" | "room">;
  /** A refusal that no other event reports: of typing, of leaving a room, of a new token. */
  error: ErrorFrame;
}

/**
 * A connection to a chat server that reconnects by itself, and the rooms that are joined on it.
 * Guarantees: each message of a room is in `Room.messages` once, in the server's order, and missing messages
 * are marked by a gap. A text given to `Room.send` is stored once or is marked as failed.
 */
export class ChatClient extends Events<ChatClientEvents> {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #greeting: Greeting;
  readonly #rooms = new Map<string, Room>();
  readonly #roomPorts: RoomPorts;
  /** The value of `rooms`, until a room is joined or left. */
  #roomList: readonly Room[] = [];
  #self: Person | undefined;
  #textLength = TEXT_LENGTH;
  #roomLimit = Number.POSITIVE_INFINITY;
  /** Time until which no typing is sent, because the server refused it on this connection. */
  #quietUntil = 0;
  #pongAt = 0;

  constructor(options: ChatClientOptions) {
    super();
    const { url, clock = systemClock, random = Math.random, openSocket = openStandardSocket } = options;
    this.#clock = clock;
    this.#random = random;
    this.#link = new Link({
      url,
      clock,
      random,
      openSocket,
      prepare: (ready) => this.#greeting.prepare(ready),
      shutOut: (reason) => this.#greeting.shutOut(reason),
      changed: (state) => this.#connectionChanged(state),
      onFrame: (frame) => this.#onFrame(frame),
    });
    const link = this.#link;
    this.#greeting = new Greeting(options.handle, {
      clock,
      random,
      link,
      tokens: options.tokens ?? new MemoryTokenStore(),
      getToken: options.getToken,
      self: () => this.#self,
      welcomed: (frame) => this.#welcomed(frame),
      handleRefused: (sentence) => this.emit("handle-refused", sentence),
      refused: (error) => this.emit("error", error),
    });
    const whisper: Link["send"] = (frame) => {
      if (clock.now() >= this.#quietUntil) link.send(frame);
    };
    const request: Link["request"] = (...of) => link.request(...of);
    this.#roomPorts = { clock, random, link: { request, send: whisper }, client: this };
  }

  /** The state of the connection. A state object is never changed; the next state is another object. */
  get connection(): ConnectionState {
    return this.#link.state;
  }

  /**
   * The user of this client; undefined before the first welcome. The same object until the server identifies
   * another user.
   */
  get self(): Person | undefined {
    return this.#self;
  }

  /** Code points of a text at most, as the server told; a common value before that. */
  get textLength(): number {
    return this.#textLength;
  }

  /** Rooms that a connection may be in, as the server told; Infinity before that. */
  get roomLimit(): number {
    return this.#roomLimit;
  }

  /** The rooms, in the order in which they were joined; the same list until one is joined or left. */
  get rooms(): readonly Room[] {
    return this.#roomList;
  }

  /**
   * Connects, and stays connected until `stop`. Also to be called after a fatal close, when the user has
   * acted: what the server refused before is sent once more.
   */
  start(): void {
    this.#greeting.start();
    this.#link.apply("start");
  }

  /** Disconnects. Rooms and unsent messages are kept for a later `start`. */
  stop(): void {
    this.#link.apply("stop");
  }

  /** Ends the wait before the next attempt to connect. */
  retryNow(): void {
    this.#link.apply("retry");
  }

  /**
   * Tests the connection when it may have broken unnoticed (the page is shown again, the network has come or
   * gone): ends a wait, unless the server asked for it, or gives up a connection that does not answer within
   * 3 s. Calls `answered` when a live connection has answered.
   */
  probe(answered?: () => void): void {
    this.#link.probe(answered);
  }

  /** Changes the name that others see. Connects again if the server refused the name before. */
  setHandle(handle: string): void {
    this.#greeting.rename(handle);
    const { connection } = this;
    if (connection.name === "closed" && connection.cause === "refused") this.start();
  }

  /**
   * Returns the room of that name, which is joined as soon as there is a connection. Throws a RangeError if
   * the name is not a valid room name.
   */
  join(name: string): Room {
    const known = this.#rooms.get(name);
    if (known) return known;
    if (!isRoom(name)) throw new RangeError(`Not a room: ${name}`);
    const room = new Room(name, this.#roomPorts);
    this.#rooms.set(name, room);
    this.#roomList = [...this.#rooms.values()];
    if (this.#link.state.name === "live") room.connect();
    return room;
  }

  /** Leaves the room and discards it with its unsent messages. */
  leave(name: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    this.#rooms.delete(name);
    this.#roomList = [...this.#rooms.values()];
    room.typing(false);
    room.disconnect();
    if (this.#link.state.name === "live") this.#leave(name, LEAVES);
  }

  #leave(room: string, attempts: number): void {
    this.#link.request({ type: "leave", room }, (answer) => {
      if (answer?.type !== "error") return;
      if (!answer.retryable || attempts === 1) {
        this.emit("error", answer);
        return;
      }
      const pauseMs = backoffMs(LEAVES - attempts, this.#random());
      this.#clock.after(Math.max(pauseMs, toldMs(answer.retryAfterMs)), () => {
        const isLive = this.#link.state.name === "live";
        if (isLive && !this.#rooms.has(room)) this.#leave(room, attempts - 1);
      });
    });
  }

  #welcomed({ user: { id, handle }, limits }: WelcomeFrame): void {
    const before = this.#self;
    if (limits.textLength > 0) this.#textLength = limits.textLength;
    if (limits.rooms > 0) this.#roomLimit = limits.rooms;
    if (before?.id !== id || before.handle !== handle) {
      this.#self = { id, handle };
      this.emit("self", this.#self);
    }
    this.#link.apply("welcome");
  }

  #connectionChanged(state: ConnectionState): void {
    if (state.name !== "live") this.#greeting.rest();
    // Before any listener is called, because the hello must be the first frame of a connection.
    if (state.name === "greeting") {
      this.#quietUntil = 0;
      this.#greeting.greet();
    }
    const isTooBig = state.name === "waiting" && state.cause === "too-big";
    for (const room of this.rooms) {
      if (state.name === "live") room.connect();
      else room.disconnect(isTooBig);
    }
    this.emit("connection", state);
  }

  /** Handles an error without `ref`, which concerns a frame without one: typing. */
  #refused(error: ErrorFrame): void {
    const { retryable, retryAfterMs } = error;
    const pauseMs = retryable ? Math.max(toldMs(retryAfterMs), PONG_EVERY_MS) : Number.POSITIVE_INFINITY;
    this.#quietUntil = this.#clock.now() + pauseMs;
    this.emit("error", error);
  }

  #onFrame(frame: Incoming): void {
    switch (frame.type) {
      case "notice":
        this.emit("notice", frame);
        break;
      case "status":
        for (const room of this.rooms) {
          if ((frame.room ?? room.name) === room.name) room.onFrame(frame);
        }
        this.emit("status", frame);
        break;
      case "restart":
        this.#link.restart(frame.reconnectInMs);
        break;
      case "expiring":
        this.#greeting.expiring(frame.inMs);
        break;
      case "ping":
        this.#pong();
        break;
      case "error":
        this.#refused(frame);
        break;
      default:
        if ("room" in frame) this.#rooms.get(frame.room)?.onFrame(frame);
    }
  }
  /** Answers one ping per second at most, so that no server can make this client send a flood. */
  #pong(): void {
    const now = this.#clock.now();
    if (now - this.#pongAt < PONG_EVERY_MS) return;
    this.#pongAt = now;
    this.#link.send({ type: "pong" });
  }
}
