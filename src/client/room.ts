import type {
  ClientFrame,
  ErrorFrame,
  JoinedFrame,
  Person,
  PresenceFrame,
  TypingFrame,
} from "../protocol.ts";
import { Backoff } from "./backoff.ts";
import { ANSWER_MESSAGES, JOIN_MESSAGES } from "./contract.ts";
import { Events } from "./events.ts";
import type { Entry } from "./frames.ts";
import type { Answer, Answered } from "./link.ts";
import { type Outgoing, OutgoingQueue, SendRefused } from "./outgoing.ts";
import { People } from "./people.ts";
import type { Cancel, Clock, Random } from "./ports.ts";
import { nextRoomState, type RoomEvent, type RoomState } from "./room-state.ts";
import { type Message, Timeline } from "./timeline.ts";
import { TypingSignal } from "./typing-signal.ts";

/** Live frames kept while older pages are read; of more the oldest go, and are read as pages too. */
const HELD_LIMIT = 500;
/** Messages of a page of older ones. */
const PAGE = 100;

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

/** How a request for older messages ended. `full`: no more are kept in memory. */
export type OlderOutcome = "loaded" | "end" | "full" | "unavailable";

/** What a room needs from its client. */
export interface RoomPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly request: (build: (ref: number) => ClientFrame, answered: Answered) => Cancel;
  readonly send: (frame: ClientFrame) => void;
  /** Who this client is; undefined before the first welcome. */
  readonly self: () => Person | undefined;
  /** Code points of a text that the server takes. */
  readonly textLength: () => number;
}

/** One room: its messages in order and without a silent hole, its people, and what is to be sent there. */
export class Room extends Events<RoomEvents> {
  readonly name: string;
  readonly people: People;
  readonly #ports: RoomPorts;
  readonly #timeline = new Timeline();
  readonly #queue: OutgoingQueue;
  readonly #typing: TypingSignal;
  readonly #backoff: Backoff;
  readonly #pages = new Map<string, Promise<OlderOutcome>>();
  #state: RoomState = "away";
  #handle = "";
  #refusal: string | undefined;
  #held: Entry[] = [];
  /** The join or the catch-up that is under way, or the wait before the next join. */
  #cancelStep: Cancel | undefined;

  constructor(name: string, ports: RoomPorts) {
    super();
    this.name = name;
    this.#ports = ports;
    const { clock, random, send } = ports;
    this.people = new People(clock, () => this.emit("typing", this.people.typing));
    this.#backoff = new Backoff(random);
    this.#typing = new TypingSignal(clock, (on) => send({ type: "typing", room: name, on }));
    this.#queue = new OutgoingQueue({
      clock,
      random,
      transmit: (key, text) => this.#transmit(key, text),
      changed: () => this.emit("outgoing", this.#queue.list),
    });
  }

  get state(): RoomState {
    return this.#state;
  }

  /** The own name in this room: it has a suffix where a look-alike is there. Empty before the first join. */
  get handle(): string {
    return this.#handle;
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

  /**
   * Takes a text to be sent as soon as that is possible and returns its key. Throws SendRefused with a
   * sentence for people where the server could not take it, or too much waits already.
   */
  send(text: string): string {
    const trimmed = text.trim();
    const limit = this.#ports.textLength();
    if (trimmed === "") throw new SendRefused("There is nothing to send.");
    // Code units bound the code points, so that a huge paste is not spread into an array first.
    if (trimmed.length > 2 * limit || [...trimmed].length > limit) {
      throw new SendRefused(`A message has at most ${limit} characters.`);
    }
    if (this.#refusal !== undefined) throw new SendRefused(this.#refusal);
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
    if (this.#state === "current") this.#typing.set(on);
  }

  /** Reads one page of messages before the oldest one here, or before the gap in front of the message `gap`. */
  loadOlder(gap?: string): Promise<OlderOutcome> {
    const place = gap ?? this.#timeline.oldest;
    if (place === undefined || (gap === undefined && !this.hasOlder)) return Promise.resolve("end");
    if (this.#timeline.isFull) return Promise.resolve("full");
    if (this.#state !== "current") return Promise.resolve("unavailable");
    const running = this.#pages.get(place);
    if (running !== undefined) return running;
    const page = this.#loadPage(place).finally(() => this.#pages.delete(place));
    this.#pages.set(place, page);
    return page;
  }

  /** The connection is live. */
  connected(): void {
    this.#step("connect");
  }

  disconnected(): void {
    this.#queue.lose();
    this.people.forgetTyping();
    this.#typing.set(false);
    this.#held = [];
    this.#step("disconnect");
  }

  /** The server reaches its log again: what waits need not wait longer. */
  logIsBack(): void {
    this.#backoff.reset();
    this.#step("due");
    this.#queue.resume();
  }

  /** An entry of this room's log, as it was stored. */
  entry(entry: Entry): void {
    if (this.#state === "current") {
      if (!this.#append([entry], true)) this.#step("hole");
    } else if (this.#state === "catching-up") {
      this.#held.push(entry);
      if (this.#held.length > HELD_LIMIT) this.#held.shift();
    }
    // Before a join is answered a frame is older than the answer, which holds it or says that it cannot.
  }

  /** The server's own resync: the log was reset, lost its newest entries, or too much was missed. */
  resynced(frame: JoinedFrame): void {
    if (this.#state === "away" || this.#state === "refused") return;
    this.#adopt(frame, this.#state !== "joining");
  }

  presence(frame: PresenceFrame): void {
    this.people.change(frame);
    this.emit("people", undefined);
  }

  typed(frame: TypingFrame): void {
    if (frame.user !== this.#ports.self()?.id) this.people.hint(frame);
  }

  #step(event: RoomEvent): void {
    const next = nextRoomState(this.#state, event);
    if (next === undefined) return;
    const changed = next !== this.#state;
    this.#state = next;
    this.#cancelStep?.();
    this.#cancelStep = undefined;
    this.#enter(next);
    if (changed) this.emit("state", next);
  }

  #enter(state: RoomState): void {
    const self = this.#ports.self();
    if (state === "current" && self !== undefined) {
      this.#backoff.reset();
      this.#queue.open(self.id);
      return;
    }
    this.#queue.hold();
    if (state === "joining") this.#join();
    else if (state === "catching-up") this.#readOn();
    else if (state === "waiting") {
      this.#cancelStep = this.#ports.clock.after(this.#backoff.next(), () => this.#step("due"));
    }
  }

  #join(): void {
    const { name } = this;
    const after = this.#timeline.cursor;
    this.#refusal = undefined;
    this.#cancelStep = this.#ports.request(
      (ref) =>
        after === undefined
          ? { type: "join", ref, room: name, limit: JOIN_MESSAGES }
          : { type: "join", ref, room: name, after, limit: ANSWER_MESSAGES },
      (answer) => {
        if (answer?.type === "joined") this.#adopt(answer, true);
        else if (answer?.type === "error") this.#notNow(answer);
      },
    );
  }

  #readOn(): void {
    const { name } = this;
    const after = this.#timeline.cursor;
    if (after === undefined) return;
    this.#cancelStep = this.#ports.request(
      (ref) => ({ type: "history", ref, room: name, after, limit: ANSWER_MESSAGES }),
      (answer) => {
        if (answer?.type === "error") this.#notNow(answer);
        if (answer?.type !== "history") return;
        if (!this.#append(answer.messages, false)) this.#step("hole");
        else if (answer.more && answer.messages.length > 0) this.#step("partial");
        else this.#catchUpRead();
      },
    );
  }

  /** Every page is read; what came live meanwhile follows, or there is a hole after all. */
  #catchUpRead(): void {
    const held = this.#held;
    this.#held = [];
    this.#step(this.#append(held, false) ? "complete" : "hole");
  }

  #notNow(error: ErrorFrame): void {
    if (error.retryable || error.code === "not-joined") {
      this.#step("unavailable");
      return;
    }
    this.#refusal = error.message;
    this.#step("refuse");
    this.#queue.refuseAll(error.message);
  }

  /** Takes over what a `joined` says. `settles`: it is the answer that the room waits for. */
  #adopt(frame: JoinedFrame, settles: boolean): void {
    const first = this.#timeline.cursor === undefined;
    this.#held = [];
    this.#handle = frame.handle;
    this.people.replace(frame.present);
    const fits = !first && frame.recovered && this.#append(frame.messages, false);
    if (!fits) this.#restart(frame, first);
    this.emit("people", undefined);
    if (settles) this.#step(fits && frame.more ? "partial" : "complete");
  }

  #restart(frame: JoinedFrame, first: boolean): void {
    this.#timeline.restart(frame.messages, frame.head, frame.more);
    this.emit("reset", undefined);
    this.#recogniseOwn(frame.messages);
    if (!first) this.#queue.doubt();
  }

  /** Puts entries behind the last one; false where they do not fit, and then none behind the hole was taken. */
  #append(entries: readonly Entry[], live: boolean): boolean {
    const messages: Message[] = [];
    const changed: Message[] = [];
    let fits = true;
    for (const entry of entries) {
      const offered = this.#timeline.offer(entry);
      if (offered.fits === "hole") {
        fits = false;
        break;
      }
      if (offered.fits === "known") continue;
      if (offered.message !== undefined) messages.push(offered.message);
      if (offered.changed !== undefined) changed.push(offered.changed);
    }
    const gone = this.#timeline.trim();
    // The list first, then the queue: a row of the queue that is a message now can be taken over.
    if (messages.length > 0) this.emit("added", { messages, live, gone });
    for (const message of changed) this.emit("changed", message);
    for (const message of messages) this.people.stopTyping(message.user);
    this.#recogniseOwn(entries);
    return fits;
  }

  #recogniseOwn(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.type === "message" && entry.key !== undefined) {
        this.#queue.echoed(entry.user, entry.key, entry.id);
      }
    }
    if (this.#timeline.cursor !== undefined) this.#queue.passed(this.#timeline.cursor);
  }

  #transmit(key: string, text: string): void {
    const { name } = this;
    this.#typing.set(false);
    this.#ports.request(
      (ref) => ({ type: "message", ref, room: name, key, text }),
      (answer) => this.#answered(key, answer),
    );
  }

  #answered(key: string, answer: Answer): void {
    if (answer?.type === "ack") {
      this.#queue.acked(key, answer.id);
      if (this.#timeline.cursor !== undefined) this.#queue.passed(this.#timeline.cursor);
    } else if (answer?.type === "error") {
      this.#queue.refused(key, answer);
      if (answer.code === "not-joined") this.#step("unavailable");
    }
  }

  #loadPage(place: string): Promise<OlderOutcome> {
    const { name } = this;
    return new Promise((resolve) => {
      this.#ports.request(
        (ref) => ({ type: "history", ref, room: name, before: place, limit: PAGE }),
        (answer) => {
          if (answer?.type !== "history") {
            resolve("unavailable");
            return;
          }
          const { messages, more } = answer;
          const { added, follower, withdrawn } = this.#timeline.insertBefore(place, messages, more);
          if (withdrawn) this.emit("reset", undefined);
          else {
            if (follower !== undefined) this.emit("changed", follower);
            if (added.length > 0) this.emit("older", added);
          }
          resolve(answer.more ? "loaded" : "end");
        },
      );
    });
  }
}
