import { compareIds, type ErrorFrame } from "../protocol.ts";
import { KEY_MS } from "./contract.ts";
import type { Entry } from "./frames.ts";
import { KEY_LENGTH, QUEUE_LIMIT } from "./limits.ts";
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
  /** Why it failed: the server's sentence, or one of the client's own words for it. */
  readonly error?: SendDoubt | (string & {}) | undefined;
  /** When it was first attempted, and by whom: since then the server may have it. */
  readonly attempt?: { readonly at: number; readonly user: string } | undefined;
}

/**
 * Why a message failed that the server did not refuse:
 * - `in-doubt`: it was attempted, and nobody knows any more whether it arrived;
 * - `too-old`: it was never attempted, and may not be meant any more.
 */
export type SendDoubt = "in-doubt" | "too-old";

/** Why a text is not taken at all; `room-refused`: `Room.refusal` has the server's sentence. */
export type SendProblem = "text-empty" | "text-too-long" | "queue-full" | "room-refused";

/** Thrown where a text is not taken; nothing of it is kept. Sentences for people are the caller's business. */
export class SendRefused extends Error {
  declare readonly message: SendProblem;

  constructor(problem: SendProblem) {
    super(problem);
  }
}

/** `id`: once it is sent. */
type Item = { -readonly [K in keyof Outgoing]: Outgoing[K] } & { id?: string };

export interface OutgoingPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until another attempt is worth while. */
  readonly pauseMs: () => number;
  /** Who sends; undefined while the room is not current, and then nothing is attempted. */
  readonly self: () => string | undefined;
  /** Hands one message to the connection. Its answer comes back as `stored` or `refused`. */
  readonly send: (key: string, text: string) => void;
  readonly changed: () => void;
}

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
  #items: Item[] = [];
  /** There while the server wants a pause. */
  #cancelPause: Cancel | undefined;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** In the order in which they were given. */
  get list(): readonly Outgoing[] {
    return this.#items.map(({ id, ...shown }) => shown);
  }

  /** Takes a message; returns its key. Throws SendRefused beyond QUEUE_LIMIT. */
  add(text: string): string {
    if (this.#items.length >= QUEUE_LIMIT) throw new SendRefused("queue-full");
    const { clock, random } = this.#ports;
    const key = newKey(random);
    this.#items.push({ key, text, at: clock.now(), state: "queued" });
    this.#changed();
    return key;
  }

  /** Takes back what another life of this client did not get sent, before what is here. */
  restore(items: readonly Outgoing[]): void {
    const unsent = items.filter(({ key, state }) => state !== "sent" && !this.#find(key));
    const restored = unsent.map((item): Item => ({ ...item }));
    this.#items = [...restored, ...this.#items].slice(0, QUEUE_LIMIT);
    this.#stepAll(restored, "postpone");
    this.#changed();
  }

  /** Sends a failed message again, with the same key. */
  retry(key: string): void {
    const item = this.#step(key, "retry");
    if (!item) return;
    // The person has decided: what happened to the earlier attempt no longer holds this one back.
    item.attempt = undefined;
    item.at = this.#ports.clock.now();
    this.#changed();
  }

  /** Gives up a message that is not in flight. */
  discard(key: string): void {
    if (this.#step(key, "discard")) this.#changed();
  }

  /** The connection is gone: what was in flight has no answer. */
  lose(): void {
    this.resume();
    this.#stepAll(this.#items, "postpone");
  }

  /** The log was not read without a gap: what was attempted and not seen in it may be there or not. */
  doubt(): void {
    this.#stepAll(
      this.#items.filter((item) => item.attempt),
      "doubt",
      "in-doubt",
    );
  }

  /** No message of this room will be taken. */
  refuse(sentence: string): void {
    this.#stepAll(this.#items, "refuse", sentence);
  }

  /** The server can store again: no reason to wait any longer. */
  resume(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.pump();
  }

  /** The log has it. */
  stored(key: string, id: string): void {
    const item = this.#step(key, "stored");
    if (!item) return;
    item.id = id;
    this.#changed();
  }

  /**
   * The list shows everything up to `cursor`, and so what is sent and stands before it is not shown here as well.
   * `entries`: of the log, some of which may be these messages.
   */
  shown(entries: readonly Entry[], cursor: string | undefined): void {
    for (const { key, attempt } of this.#items) {
      const echo = entries.find(
        (entry) => entry.type === "message" && entry.key === key && entry.user === attempt?.user,
      );
      if (echo) this.stored(key, echo.id);
    }
    const left = this.#items.filter(({ id }) => !id || !cursor || compareIds(id, cursor) > 0);
    if (left.length === this.#items.length) return;
    this.#items = left;
    this.#ports.changed();
  }

  /** The answer to a message that was not stored. */
  refused(key: string, { message, retryable, retryAfterMs }: ErrorFrame): void {
    if (!retryable) this.#step(key, "refuse", message);
    else if (this.#step(key, "postpone")) {
      const { clock, pauseMs } = this.#ports;
      this.#cancelPause = clock.after(retryAfterMs ?? pauseMs(), () => this.resume());
    }
    this.#changed();
  }

  /** Attempts the next one, if there is nothing to wait for. */
  pump(): void {
    const { clock, self, changed, send } = this.#ports;
    const user = self();
    const item = this.#items.find(({ state }) => state === "queued");
    const isBusy = this.#cancelPause || this.#items.some(({ state }) => state === "sending");
    if (!user || !item || isBusy) return;
    const now = clock.now();
    if (isFresh(item, user, now)) {
      item.attempt ??= { at: now, user };
      this.#step(item.key, "attempt");
      changed();
      send(item.key, item.text);
    } else {
      this.#step(item.key, "doubt", item.attempt ? "in-doubt" : "too-old");
      this.#changed();
    }
  }

  #find(key: string): Item | undefined {
    return this.#items.find((item) => item.key === key);
  }

  /** Returns the message if the event meant anything to it. `error`: why it failed. */
  #step(key: string, event: SendEvent, error?: string): Item | undefined {
    const item = this.#find(key);
    const next = item && nextSendState(item.state, event);
    if (!next) return undefined;
    if (next === "gone") this.#items = this.#items.filter((each) => each !== item);
    else {
      item.state = next;
      item.error = error;
    }
    return item;
  }

  #stepAll(items: readonly Item[], event: SendEvent, error?: string): void {
    const changed = items.filter(({ key }) => this.#step(key, event, error));
    if (changed.length > 0) this.#ports.changed();
  }

  #changed(): void {
    this.#ports.changed();
    this.pump();
  }
}
