import { compareIds, type ErrorFrame } from "../protocol.ts";
import { Backoff } from "./backoff.ts";
import { KEY_MS } from "./contract.ts";
import type { Cancel, Clock, Random } from "./ports.ts";
import { nextSendState, type SendEvent, type SendState } from "./send-state.ts";

/**
 * A message on its way, as it is shown behind the room's messages; plain values, so that it can be kept over a
 * reload. A change makes a new object; the key stays.
 */
export interface Outgoing {
  readonly key: string;
  readonly text: string;
  readonly state: SendState;
  /** When it was given to the client, or given to it again, in ms since 1970 UTC. */
  readonly at: number;
  /** Why it failed: a sentence. */
  readonly error: string | undefined;
  /** When it was first attempted, and by whom: since then the server may have it. */
  readonly attempt: { readonly at: number; readonly user: string } | undefined;
}

/** The queue of a room is full, or the text is none that a server takes. The message is a sentence for people. */
export class SendRefused extends Error {
  override readonly name = "SendRefused";
}

/** Messages a room keeps that are not stored yet. */
export const QUEUE_LIMIT = 200;
/** Milliseconds to slow down where a `rate-limited` names none. */
const RATE_LIMIT_MS = 1_000;

const IN_DOUBT = "It is not known whether this arrived. Send it again?";
const TOO_OLD = "This was written a while ago. Send it?";

/** `id`: once it is sent. */
type Item = { -readonly [K in keyof Outgoing]: Outgoing[K] } & { id?: string };

export interface OutgoingPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Hands one message to the connection. Its answer comes back as `acked` or `refused`. */
  readonly transmit: (key: string, text: string) => void;
  readonly changed: () => void;
}

/** 20 letters of 5 bits: 100 random bits, so that keys of one user do not meet. */
const KEY_LENGTH = 20;

function newKey(random: Random): string {
  let key = "";
  while (key.length < KEY_LENGTH) key += Math.floor(random() * 32).toString(32);
  return key;
}

/** Whether the server would recognise the key of an earlier attempt; a text that nobody tried may not be older either. */
function isFresh({ at, attempt }: Item, user: string, now: number): boolean {
  return now - (attempt?.at ?? at) < KEY_MS && (attempt?.user ?? user) === user;
}

/**
 * The unsent messages of one room, in order, one in flight. What was attempted is attempted again with
 * the same key, and only while the server still knows keys and the room's log was read without a gap.
 */
export class OutgoingQueue {
  readonly #ports: OutgoingPorts;
  readonly #backoff: Backoff;
  #items: Item[] = [];
  /** Who sends, while the gate is open. */
  #sender: string | undefined;
  #pausedUntil = 0;
  #cancelPause: Cancel | undefined;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
    this.#backoff = new Backoff(ports.random);
  }

  /** In the order in which they were given. */
  get list(): readonly Outgoing[] {
    return this.#items.map(({ id, ...shown }) => shown);
  }

  /** Takes a message; returns its key. Throws SendRefused beyond QUEUE_LIMIT. */
  add(text: string): string {
    if (this.#items.length >= QUEUE_LIMIT) {
      throw new SendRefused("Too many messages wait already.");
    }
    const { clock, random } = this.#ports;
    const key = newKey(random);
    this.#items.push({ key, text, at: clock.now(), state: "queued", error: undefined, attempt: undefined });
    this.#changed();
    return key;
  }

  /** Takes back what another life of this client did not get sent, before what is here. */
  restore(items: readonly Outgoing[]): void {
    const here = new Set(this.#items.map((item) => item.key));
    const unsent = items.filter((item) => item.state !== "sent" && !here.has(item.key));
    const restored = unsent.map(
      (item): Item => ({
        ...item,
        state: item.state === "failed" ? "failed" : "queued",
      }),
    );
    this.#items = [...restored, ...this.#items].slice(0, QUEUE_LIMIT);
    this.#changed();
  }

  /** Sends a failed message again, with the same key. */
  retry(key: string): void {
    const item = this.#find(key);
    if (item === undefined || !this.#step(item, "retry")) return;
    // The person has decided: what happened to the earlier attempt no longer holds this one back.
    item.attempt = undefined;
    item.at = this.#ports.clock.now();
    this.#changed();
  }

  /** Gives up a message that is not in flight. */
  discard(key: string): void {
    const item = this.#find(key);
    if (item !== undefined && this.#step(item, "discard")) this.#ports.changed();
  }

  /** The room is current and `user` may send. */
  open(user: string): void {
    this.#sender = user;
    this.#pump();
  }

  /** Nothing is attempted until the next `open`; what is in flight may still be answered. */
  hold(): void {
    this.#sender = undefined;
  }

  /** The connection is gone: what was in flight has no answer. */
  lose(): void {
    this.hold();
    this.#resume();
    this.#apply("lose", (item) => item.state === "sending");
  }

  /** The log was not read without a gap: what was attempted and not seen in it may be there or not. */
  doubt(): void {
    const unclear = (item: Item) =>
      item.state === "sent" || (item.state === "queued" && item.attempt !== undefined);
    this.#apply("doubt", unclear, IN_DOUBT);
  }

  /** No message of this room will be taken. */
  refuseAll(sentence: string): void {
    this.#apply("refuse", (item) => item.state === "queued" || item.state === "sending", sentence);
  }

  /** The server can store again: no reason to wait any longer. */
  resume(): void {
    this.#resume();
    this.#pump();
  }

  acked(key: string, id: string): void {
    this.#settle(this.#find(key), "ack", id);
  }

  /** A message of the log that may be one of these. */
  echoed(user: string, key: string, id: string): void {
    const item = this.#find(key);
    if (item?.attempt?.user === user) this.#settle(item, "echo", id);
  }

  /** Everything up to `cursor` is shown: what is sent and stands before it is not shown twice. */
  passed(cursor: string): void {
    const left = this.#items.filter((item) => item.id === undefined || compareIds(item.id, cursor) > 0);
    if (left.length === this.#items.length) return;
    this.#items = left;
    this.#ports.changed();
  }

  /** The answer to a message that was not stored. */
  refused(key: string, error: Pick<ErrorFrame, "code" | "message" | "retryable" | "retryAfterMs">): void {
    const item = this.#find(key);
    if (item === undefined) return;
    if (error.retryable || error.code === "not-joined") {
      if (!this.#step(item, "postpone")) return;
      this.#pause(
        error.code === "rate-limited" ? (error.retryAfterMs ?? RATE_LIMIT_MS) : this.#backoff.next(),
      );
    } else if (this.#step(item, "refuse")) {
      item.error = error.message;
    }
    this.#changed();
  }

  #find(key: string): Item | undefined {
    return this.#items.find((item) => item.key === key);
  }

  /** Returns whether the event meant anything. */
  #step(item: Item, event: SendEvent): boolean {
    const next = nextSendState(item.state, event);
    if (next === undefined) return false;
    if (next === "gone") this.#items = this.#items.filter((each) => each !== item);
    else item.state = next;
    if (next !== "failed") item.error = undefined;
    return true;
  }

  #apply(event: SendEvent, concerns: (item: Item) => boolean, error?: string): void {
    const concerned = this.#items.filter(concerns);
    for (const item of concerned) {
      if (this.#step(item, event)) item.error = error;
    }
    if (concerned.length > 0) this.#ports.changed();
  }

  #settle(item: Item | undefined, event: "ack" | "echo", id: string): void {
    if (item === undefined || !this.#step(item, event)) return;
    item.id = id;
    this.#backoff.reset();
    this.#changed();
  }

  #changed(): void {
    this.#ports.changed();
    this.#pump();
  }

  #pause(ms: number): void {
    const { clock } = this.#ports;
    this.#resume();
    this.#pausedUntil = clock.now() + ms;
    this.#cancelPause = clock.after(ms, () => this.resume());
  }

  #resume(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#pausedUntil = 0;
  }

  #pump(): void {
    const user = this.#sender;
    const now = this.#ports.clock.now();
    if (user === undefined || this.#pausedUntil > now) return;
    for (const item of this.#items) {
      if (item.state === "sending") return;
      if (item.state !== "queued") continue;
      if (!isFresh(item, user, now)) {
        if (this.#step(item, "doubt")) item.error = item.attempt === undefined ? TOO_OLD : IN_DOUBT;
        this.#ports.changed();
        continue;
      }
      item.attempt ??= { at: now, user };
      this.#step(item, "attempt");
      this.#ports.changed();
      this.#ports.transmit(item.key, item.text);
      return;
    }
  }
}
