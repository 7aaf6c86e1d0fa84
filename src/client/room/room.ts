import type { HistoryFrame, JoinedFrame, Person } from "../../protocol/frames.ts";
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

/** What a room tells its listeners. */
export interface RoomEvents {
  state: RoomState;
  /** The list is another one: show `messages` anew. */
  reset: undefined;
  /**
   * New ones at the end. `live`: as they were sent, not read up after an absence. `gone`: ids of entries
   * that left at the front.
   */
  added: { readonly messages: readonly Message[]; readonly live: boolean; readonly gone: readonly string[] };
  /** Withdrawn, edited, or the gap before it was closed. */
  changed: Message;
  /** Older ones, oldest first; their ids say where they belong. */
  older: readonly Message[];
  outgoing: readonly Outgoing[];
  /** Who is here. */
  people: undefined;
  /** Who types. */
  typing: readonly Person[];
}

/** How often in a row a room is joined again because the server says that it is not joined. */
const JOINS_IN_A_ROW = 3;

/** What a room needs from its client. */
export interface RoomPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Pick<Link, "request" | "send">;
  readonly client: {
    /** Who this client is; undefined before the first welcome. */
    readonly self: Person | undefined;
    /** Code points of a text that the server takes. */
    readonly textLength: number;
  };
}

/** One room: its messages in order and without a silent hole, its people, and what is to be sent there. */
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
  #refusal: string | undefined;
  /** How often in a row the room could not be joined or did not stay so, and could not store a message. */
  #failures = 0;
  #sendFailures = 0;
  /** How often in a row a join was followed by the word that the room is not joined. */
  #notJoined = 0;
  /** The message for which the room was joined again last. */
  #joinedFor: string | undefined;
  /** Until then, in ms since 1970 UTC, the server wants no join. */
  #joinFrom = 0;
  /** When the room became current, and when the server's word that it is live ended a wait. */
  #currentAt = 0;
  #hurriedAt = 0;
  #held: Entry[] = [];
  /** The join or the catch-up that is under way, or the wait before the next join. */
  #cancelStep: Cancel | undefined;

  /** @internal A client makes its rooms. */
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
   * The own name in this room: it has a number where another user has the name. As the server said last, when the room was joined, in
   * the list of people, or of a crowd with the own messages. Empty before the first join.
   */
  get handle(): string {
    return this.people.handleOf(this.#ports.client.self?.id) ?? this.#handle;
  }

  /** Why the server refused the room, a sentence; undefined where it did not. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Oldest first. */
  get messages(): readonly Message[] {
    return this.#timeline.messages;
  }

  /** What is not stored yet, in the order in which it was given. */
  get outgoing(): readonly Outgoing[] {
    return this.#queue.list;
  }

  /** Whether the server has messages before the oldest one here. */
  get hasOlder(): boolean {
    return this.#timeline.hasOlder;
  }

  /** Whether what was shown here before is of a log that the server has no more: this one began anew. */
  get wasReset(): boolean {
    return this.#timeline.wasReset;
  }

  /**
   * Takes a text to be sent as soon as that is possible and returns its key. Throws SendRefused where the
   * server could not take it, or too much waits already.
   */
  send(text: string): string {
    const trimmed = trimText(text);
    const limit = this.#ports.client.textLength;
    if (!trimmed) throw new SendRefused("text-empty");
    // Code units bound the code points, so that a huge paste is not spread into an array first.
    if (trimmed.length > 2 * limit || [...trimmed].length > limit) throw new SendRefused("text-too-long");
    if (this.#refusal) throw new SendRefused("room-refused");
    return this.#queue.add(trimmed);
  }

  /**
   * Takes back what `outgoing` held before a reload. What is older than ten minutes fails visibly instead of being
   * sent: nobody knows any more whether it arrived, or is still meant.
   */
  restore(items: readonly Outgoing[]): void {
    this.#queue.restore(items);
  }

  /** Sends a failed message again; with the same key, so that it is stored once. */
  retry(key: string): void {
    this.#queue.retry(key);
  }

  /** Gives up a failed or waiting message. */
  discard(key: string): void {
    this.#queue.discard(key);
  }

  /** Call it as often as somebody types; the others are told at most once a second. */
  typing(on: boolean): void {
    if (this.#state === "current") this.#typing(on);
  }

  /** Reads one page of messages before the oldest one here, or before the gap in front of the message `gap`. */
  loadOlder(gap?: string): Promise<OlderOutcome> {
    const place = gap ?? this.#timeline.oldest;
    if (!place || (!gap && !this.hasOlder)) return Promise.resolve("end");
    if (this.#timeline.isFull) return Promise.resolve("full");
    return this.#state === "current" ? this.#pages.load(place) : Promise.resolve("unavailable");
  }

  /** @internal The connection is live. */
  connect(): void {
    this.#step("connect");
  }

  /** @internal The connection is gone; `isTooBig`: because a frame was over the server's limit. */
  disconnect(isTooBig = false): void {
    this.#step("disconnect");
    this.#pages.forget();
    if (isTooBig) this.#queue.tooBig();
    this.#queue.lose();
    this.people.forget();
  }

  /** @internal What the server says of this room: by itself, or as the answer to the request that the state waits for. */
  onFrame(frame: Incoming): void {
    switch (frame.type) {
      case "joined":
        this.#adopt(frame);
        break;
      case "history":
        this.#readOn(frame);
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
        // Before a join is answered an entry is older than the answer, which holds it or says that it cannot.
        if (!("prev" in frame)) return;
        if (this.#state === "catching-up") this.#held = [...this.#held, frame].slice(-HELD_LIMIT);
        else if (this.#state === "current" && !this.#append([frame], true)) this.#again("hole");
    }
  }

  /**
   * The server reaches its log again: what waits need not wait longer, except for as long as the server named, and not
   * each time that it says so.
   */
  #hurry(): void {
    const now = this.#ports.clock.now();
    if (now - this.#hurriedAt < LOOK_MS) return;
    this.#hurriedAt = now;
    if (now >= this.#joinFrom) this.#step("due");
    this.#queue.resume();
  }

  /**
   * Takes the step that asks the server for what is missing: at once the first time, and after growing pauses where
   * the room did not stay current.
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
    } else {
      this.#refusal = message;
      this.#step("refuse");
      this.#queue.refuse(message);
    }
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

  /** What a new state brings with it: the next request, or the time to wait. */
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

  /** Asks for what the state waits for. A lost connection needs no answer: the room is away then. */
  #ask(wanted: Incoming["type"], request: Request): void {
    this.#cancelStep = this.#ports.link.request(request, (answer) => {
      if (answer?.type === wanted) this.onFrame(answer);
      else if (answer) this.#refused(answer.type === "error" ? answer : NO_ANSWER);
    });
  }

  /** One page of what was missed. Behind the last one follows what came live meanwhile, or there is a hole after all. */
  #readOn({ messages, more }: HistoryFrame): void {
    const before = this.#timeline.cursor;
    let fits = this.#append(messages, false);
    // A page that brings nothing new would be asked for without end.
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
   * Takes over what a `joined` says: the answer to a join, or the server's own resync because the log was reset, lost its
   * newest entries, or too much was missed. A resync does not settle a join that is under way.
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

  /** Puts entries after the last one; false where they do not fit, and then none after the hole was taken. */
  #append(entries: readonly Entry[], live: boolean): boolean {
    const { fits, messages, changed, gone } = this.#timeline.append(entries);
    // The list first, then the queue: a row of the queue that is a message now can be taken over.
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

  /** A message for a room that is not joined goes once more when it is. */
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
