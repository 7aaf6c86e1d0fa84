import type { HistoryFrame, JoinedFrame, Person } from "../../protocol/frames.ts";
import type { Right } from "../../protocol/rights.ts";
import { trimText } from "../../protocol/text.ts";
import { backoffMs, toldMs } from "../connection/backoff.ts";
import type { Link, Request } from "../connection/link.ts";
import { LOOK_MS } from "../connection/timing.ts";
import { ANSWER_MESSAGES, JOIN_MESSAGES } from "../contract.ts";
import { Events } from "../events.ts";
import { type Entry, type Incoming, NO_ANSWER, type Refused } from "../frames.ts";
import { HELD_LIMIT } from "../limits.ts";
import type { Cancel, Clock, Random } from "../ports.ts";
import { type OlderOutcome, OlderPages } from "./older-pages.ts";
import { type Outgoing, OutgoingQueue, SendRefused } from "./outgoing.ts";
import { People } from "./people.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "./room-state.ts";
import { type Message, Timeline } from "./timeline.ts";
import { typingSignal } from "./typing-signal.ts";

/** The events of a room. */
export interface RoomEvents {
  state: RoomState;
  /** The list was replaced: show `messages` again. */
  reset: undefined;
  /**
   * New messages at the end. `live`: they arrived as they were sent, and were not read after a lost
   * connection. `gone`: ids of entries that were dropped at the front.
   */
  added: { readonly messages: readonly Message[]; readonly live: boolean; readonly gone: readonly string[] };
  /** A message was withdrawn or edited, or the gap before it was closed. */
  changed: Message;
  /** Older messages, oldest first; their ids tell where they belong. */
  older: readonly Message[];
  outgoing: readonly Outgoing[];
  /** The users in the room have changed. */
  people: undefined;
  /** What the user may do here; told at each join and when it changes. */
  right: Right;
  /** The users who are typing. */
  typing: readonly Person[];
}

/** Consecutive joins because the server answers that the room is not joined, at most. */
const JOINS_IN_A_ROW = 3;

/** What a room needs from its client. */
export interface RoomPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Pick<Link, "request" | "send">;
  readonly client: {
    /** The user of this client; undefined before the first welcome. */
    readonly self: Person | undefined;
    /** Code points of a text that the server accepts. */
    readonly textLength: number;
  };
}

/**
 * One room: its messages in order, with every gap marked, its users, and the messages that are to be sent.
 */
export class Room extends Events<RoomEvents> {
  readonly name: string;
  readonly people: People;
  readonly #ports: RoomPorts;
  readonly #timeline = new Timeline();
  readonly #queue: OutgoingQueue;
  readonly #typing: (on: boolean) => void;
  readonly #pages: OlderPages;
  #state: RoomState = "away";
  #handle = "";
  #right: Right = "write";
  #refusal: string | undefined;
  /** Consecutive failures to join or to stay joined, and to store a message. */
  #failures = 0;
  #sendFailures = 0;
  /** Consecutive joins after which the server answered that the room is not joined. */
  #notJoined = 0;
  /** Key of the message for which the room was last joined again. */
  #joinedFor: string | undefined;
  /** Time before which the server wants no join, in ms since 1970 UTC. */
  #joinFrom = 0;
  /** When the room became current, and when a `status` that the server is live last ended a wait. */
  #currentAt = 0;
  #hurriedAt = 0;
  #held: Entry[] = [];
  /** Cancels the pending join or catch-up, or the wait before the next join. */
  #cancelStep: Cancel | undefined;

  /** @internal Called by the client. */
  constructor(name: string, ports: RoomPorts) {
    super();
    this.name = name;
    this.#ports = ports;
    const { clock, link, client } = ports;
    this.people = new People(clock, () => this.emit("typing", this.people.typing));
    this.#typing = typingSignal(clock, (on) => link.send({ type: "typing", room: name, on }));
    this.#pages = new OlderPages(name, { ...ports, insert: (before, page) => this.#insert(before, page) });
    this.#queue = new OutgoingQueue({
      ...ports,
      pauseMs: () => backoffMs(this.#sendFailures++, ports.random()),
      self: () => (this.#state === "current" ? client.self?.id : undefined),
      send: (key, text) => this.#transmit(key, text),
      changed: () => this.emit("outgoing", this.outgoing),
    });
  }

  get state(): RoomState {
    return this.#state;
  }

  /**
   * The user's own name in this room, with a number if another user has the name. As the server told it last:
   * at the join, in the list of users, or in a crowd with the user's own messages. Empty before the first
   * join.
   */
  get handle(): string {
    return this.people.handleOf(this.#ports.client.self?.id) ?? this.#handle;
  }

  /** What the user may do in this room, as the server told it last; `write` before the first join. */
  get right(): Right {
    return this.#right;
  }

  /** The server's sentence that says why it refused the room; undefined if it did not. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** The messages, oldest first. */
  get messages(): readonly Message[] {
    return this.#timeline.messages;
  }

  /** The messages that are not stored yet, in the order in which they were passed. */
  get outgoing(): readonly Outgoing[] {
    return this.#queue.list;
  }

  /** Whether the server has messages before the oldest one here. */
  get hasOlder(): boolean {
    return this.#timeline.hasOlder;
  }

  /** Whether the server has lost the messages that were shown before, and began the room again. */
  get wasReset(): boolean {
    return this.#timeline.wasReset;
  }

  /**
   * Queues a text to be sent as soon as possible, and returns its key. Throws SendRefused if the server could
   * not accept it, or if too many messages are waiting already.
   */
  send(text: string): string {
    const trimmed = trimText(text);
    const limit = this.#ports.client.textLength;
    if (!trimmed) throw new SendRefused("text-empty");
    // Code units limit the code points, so that a huge paste is not spread into an array first.
    if (trimmed.length > 2 * limit || [...trimmed].length > limit) throw new SendRefused("text-too-long");
    if (this.#refusal) throw new SendRefused("room-refused");
    return this.#queue.add(trimmed);
  }

  /**
   * Restores what `outgoing` held before a reload. Messages older than ten minutes are marked as failed
   * instead of being sent: whether they arrived cannot be found out any more, and the user may no longer want
   * to send them.
   */
  restore(items: readonly Outgoing[]): void {
    this.#queue.restore(items);
  }

  /** Sends a failed message again; with the same key, so that it is stored once. */
  retry(key: string): void {
    this.#queue.retry(key);
  }

  /** Discards a failed or waiting message. */
  discard(key: string): void {
    this.#queue.discard(key);
  }

  /** To be called whenever the user types; the others are told at most once per second. */
  typing(on: boolean): void {
    if (this.#state === "current") this.#typing(on);
  }

  /**
   * Reads one page of messages before the oldest one here, or before the gap in front of the message `gap`.
   */
  loadOlder(gap?: string): Promise<OlderOutcome> {
    const place = gap ?? this.#timeline.oldest;
    if (!place || (!gap && !this.hasOlder)) return Promise.resolve("end");
    if (this.#timeline.isFull) return Promise.resolve("full");
    return this.#state === "current" ? this.#pages.load(place) : Promise.resolve("unavailable");
  }

  /** @internal To be called when the connection is live. */
  connect(): void {
    this.#step("connect");
  }

  /**
   * @internal To be called when the connection is lost; `isTooBig`: because a frame was over the server's
   * limit.
   */
  disconnect(isTooBig = false): void {
    this.#step("disconnect");
    this.#pages.forget();
    if (isTooBig) this.#queue.tooBig();
    this.#queue.lose();
    this.people.forget();
  }

  /**
   * @internal Handles a frame about this room: one that the server sends by itself, or the answer to the
   * pending request.
   */
  onFrame(frame: Incoming): void {
    switch (frame.type) {
      case "right":
        this.#setRight(frame);
        break;
      case "joined":
        this.#setRight(frame);
        this.#adopt(frame);
        break;
      case "history":
        this.#readOn(frame);
        break;
      case "left":
        this.#refuse(frame.reason);
        break;
      case "presence":
        this.people.change(frame);
        this.emit("people", undefined);
        break;
      case "typing":
        if (frame.user !== this.#ports.client.self?.id) this.people.hint(frame);
        break;
      case "status":
        if (frame.live) this.#hurry();
        break;
      default:
        // An entry before the answer to a join is older than the answer, which contains it or says that it
        // cannot.
        if (!("prev" in frame)) return;
        if (this.#state === "catching-up") this.#held = [...this.#held, frame].slice(-HELD_LIMIT);
        else if (this.#state === "current" && !this.#append([frame], true)) this.#again("hole");
    }
  }

  /**
   * Ends waits when the server reaches its store again, except for a time that the server named, and not each
   * time that it reports so.
   */
  #hurry(): void {
    const now = this.#ports.clock.now();
    if (now - this.#hurriedAt < LOOK_MS) return;
    this.#hurriedAt = now;
    if (now >= this.#joinFrom) this.#step("due");
    this.#queue.resume();
  }

  /**
   * Requests what is missing: at once the first time, and after growing pauses if the room did not stay
   * current.
   */
  #again(event: RoomEvent): void {
    const { clock } = this.#ports;
    if (this.#state === "current" && clock.now() - this.#currentAt >= LOOK_MS) {
      this.#failures = 0;
      this.#notJoined = 0;
    }
    this.#failures += 1;
    this.#step(this.#failures > 1 ? "unavailable" : event);
  }

  #refused({ code, message, retryable, retryAfterMs }: Refused): void {
    if (code === "not-joined") this.#notJoined += 1;
    if (retryable || (code === "not-joined" && this.#notJoined <= JOINS_IN_A_ROW)) {
      this.#joinFrom = this.#ports.clock.now() + toldMs(retryAfterMs);
      this.#again("unavailable");
    } else this.#refuse(message);
  }

  /** Stops: the server does not let the user in, and says why. */
  #refuse(sentence: string): void {
    this.#refusal = sentence;
    this.#step("refuse");
    this.#queue.refuse(sentence);
  }

  #step(event: RoomEvent): void {
    const next = nextRoomState(this.#state, event);
    if (!next) return;
    const changed = next !== this.#state;
    this.#state = next;
    if (changed) this.#currentAt = this.#ports.clock.now();
    this.#cancelStep?.();
    this.#cancelStep = undefined;
    this.#enter(next);
    if (changed) this.emit("state", next);
  }

  /** Starts the request or the wait of a new state. */
  #enter(state: RoomState): void {
    const { name: room } = this;
    const after = this.#timeline.cursor;
    switch (state) {
      case "joining":
        this.#refusal = undefined;
        this.#ask("joined", { type: "join", room, after, limit: after ? ANSWER_MESSAGES : JOIN_MESSAGES });
        break;
      case "catching-up":
        this.#ask("history", { type: "history", room, after, limit: ANSWER_MESSAGES });
        break;
      case "waiting":
        this.#cancelStep = this.#ports.clock.after(this.#pauseMs(), () => this.#step("due"));
        break;
      case "current":
        this.#queue.pump();
    }
  }

  /**
   * Sends the request of the present state. Nothing is done without an answer: the connection was lost, and
   * the room is away.
   */
  #ask(wanted: Incoming["type"], request: Request): void {
    this.#cancelStep = this.#ports.link.request(request, (answer) => {
      if (answer?.type === wanted) this.onFrame(answer);
      else if (answer) this.#refused(answer.type === "error" ? answer : NO_ANSWER);
    });
  }

  /**
   * Adds a page of missed messages. After the last one come the live ones that arrived meanwhile, unless
   * there is a hole after all.
   */
  #readOn({ messages, more }: HistoryFrame): void {
    const before = this.#timeline.cursor;
    let fits = this.#append(messages, false);
    // A page without anything new would be requested without end.
    if (fits && more && this.#timeline.cursor !== before) {
      this.#step("more");
      return;
    }
    fits &&= this.#append(this.#held, false);
    this.#held = [];
    if (fits) this.#step("joined");
    else this.#again("hole");
  }

  #pauseMs(): number {
    const { clock, random } = this.#ports;
    const pauseMs = backoffMs(Math.max(this.#failures - 1, 0), random());
    return Math.max(pauseMs, this.#joinFrom - clock.now());
  }

  /**
   * Applies a `joined` frame: the answer to a join, or the server's own resync because the room was reset,
   * lost its newest entries, or too much was missed. A resync does not complete a pending join.
   */
  #adopt(frame: JoinedFrame): void {
    const { messages, more, ref } = frame;
    const isFirst = !this.#timeline.cursor;
    this.#held = [];
    this.#handle = frame.handle;
    this.people.replace(frame.present);
    const fits = !isFirst && frame.recovered && this.#append(messages, false);
    if (!fits) {
      this.#timeline.restart(messages, frame.head, more);
      this.emit("reset", undefined);
      this.#queue.shown(messages, this.#timeline.cursor);
      if (!isFirst) this.#queue.doubt();
    }
    this.emit("people", undefined);
    const reads = fits && more;
    if (ref) this.#step(reads ? "more" : "joined");
    else if (this.#state !== "joining") {
      if (reads) this.#again("more");
      else this.#step("joined");
    }
  }

  #setRight({ right = "write" }: { readonly right?: Right }): void {
    this.#right = right;
    this.emit("right", right);
  }

  /** Appends entries. Returns false if they do not fit, and then none after the hole was added. */
  #append(entries: readonly Entry[], live: boolean): boolean {
    const { fits, messages, changed, gone } = this.#timeline.append(entries);
    // The list first, then the queue, so that a page can replace the row of a sent message.
    if (messages.length > 0) this.emit("added", { messages, live, gone });
    for (const message of changed) this.emit("changed", message);
    for (const { user, handle } of messages) {
      this.people.stopTyping(user);
      if (live && user === this.#ports.client.self?.id) this.#handle = handle;
    }
    this.#queue.shown(entries, this.#timeline.cursor);
    return fits;
  }

  #transmit(key: string, text: string): void {
    this.#typing(false);
    this.#ports.link.request({ type: "message", room: this.name, key, text }, (answer) => {
      if (answer?.type === "ack") {
        this.#sendFailures = 0;
        this.#queue.stored(key, answer.id);
        this.#queue.shown([], this.#timeline.cursor);
      } else if (answer) this.#notStored(key, answer.type === "error" ? answer : NO_ANSWER);
    });
  }

  /**
   * Handles a message that was not stored. One for a room that is not joined is sent once more after a join.
   */
  #notStored(key: string, refused: Refused): void {
    if (refused.code === "not-joined" && this.#joinedFor !== key) {
      this.#joinedFor = key;
      this.#again("unavailable");
      this.#queue.lose();
    } else this.#queue.refused(key, refused);
  }

  #insert(before: string, { messages, more }: HistoryFrame): boolean {
    const { added, changed, withdrawn } = this.#timeline.insert(before, messages, more);
    if (withdrawn) this.emit("reset", undefined);
    else {
      for (const message of changed) this.emit("changed", message);
      if (added.length > 0) this.emit("older", added);
    }
    return this.#timeline.oldest !== before;
  }
}
