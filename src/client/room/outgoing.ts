import { compareIds } from "../../protocol/ids.ts";
import { toldMs } from "../connection/backoff.ts";
import { REASON_MS } from "../connection/timing.ts";
import { KEY_MS } from "../contract.ts";
import type { Entry, Refused } from "../frames.ts";
import { KEY_LENGTH, QUEUE_LIMIT } from "../limits.ts";
import type { Cancel, Clock, Random } from "../ports.ts";
import { nextSendState, type SendEvent, type SendState } from "./send-state.ts";

/**
 * A message that is being sent, as it is shown after the room's messages. Has plain values, so that it can be
 * kept over a reload. A change makes a new object; the key stays.
 */
export interface Outgoing {
  readonly key: string;
  readonly text: string;
  readonly state: SendState;
  /** When it was passed to the client, the last time after a retry, in ms since 1970 UTC. */
  readonly at: number;
  /**
   * Why it failed: the server's sentence, or one of the client's own reasons. While it is `queued`: the
   * server's sentence if a limit or a full storage makes it wait `REASON_MS` or longer.
   */
  readonly error?: SendDoubt | (string & {}) | undefined;
  /** When it was first attempted, and as which user: since then the server may have it. */
  readonly attempt?: { readonly at: number; readonly user: string } | undefined;
}

/**
 * Why a message failed that the server did not refuse:
 * - `in-doubt`: it was attempted, and whether it arrived cannot be found out any more;
 * - `too-old`: it was never attempted, and the user may no longer want to send it;
 * - `too-big`: the server closed the connection on which it was sent, because a frame was over its limit.
 */
export type SendDoubt = "in-doubt" | "too-old" | "too-big";

/** Why a text is not accepted; `room-refused`: `Room.refusal` has the server's sentence. */
export type SendProblem = "text-empty" | "text-too-long" | "queue-full" | "room-refused";

/** Thrown when a text is not accepted; nothing of it is kept. The caller words the sentence for the user. */
export class SendRefused extends Error {
  declare readonly message: SendProblem;

  constructor(problem: SendProblem) {
    super(problem);
  }
}

export interface OutgoingPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Returns the milliseconds until the next attempt. */
  readonly pauseMs: () => number;
  /** Returns the id of the user; undefined while the room is not current, and then nothing is attempted. */
  readonly self: () => string | undefined;
  /** Sends one message on the connection. Its answer arrives as `stored` or `refused`. */
  readonly send: (key: string, text: string) => void;
  readonly changed: () => void;
}

function newKey(random: Random): string {
  let key = "";
  while (key.length < KEY_LENGTH) key += Math.floor(random() * 32).toString(32);
  return key;
}

/**
 * Returns whether the server would recognise the key of an earlier attempt; a text without an attempt may not
 * be older either.
 */
function isFresh({ at, attempt }: Outgoing, user: string, now: number): boolean {
  return now - (attempt?.at ?? at) < KEY_MS && (attempt?.user ?? user) === user;
}

/**
 * The unsent messages of a room, in order, one of them in flight. A message is attempted again with the same
 * key, and only while the server still knows the key and the room was read without a gap.
 */
export class OutgoingQueue {
  readonly #ports: OutgoingPorts;
  /** Never changed in place; a change makes another list. */
  #items: readonly Outgoing[] = [];
  /** Ids of sent messages that are still in the list, by key. */
  readonly #ids = new Map<string, string>();
  /** Set while the server wants a pause; `#isTold`: the server named its length. */
  #cancelPause: Cancel | undefined;
  #isTold = false;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** The messages in the order in which they were passed; the same list until something changes. */
  get list(): readonly Outgoing[] {
    return this.#items;
  }

  /** Adds a message and returns its key. Throws SendRefused above QUEUE_LIMIT. */
  add(text: string): string {
    if (this.#items.length >= QUEUE_LIMIT) throw new SendRefused("queue-full");
    const { clock, random } = this.#ports;
    const key = newKey(random);
    this.#items = [...this.#items, { key, text, at: clock.now(), state: "queued" }];
    this.#changed();
    return key;
  }

  /** Puts messages that were not sent before a reload in front of the others. */
  restore(items: readonly Outgoing[]): void {
    const unsent = items.filter(({ key, state }) => state !== "sent" && !this.#find(key));
    if (unsent.length === 0) return;
    const restored = unsent.map((item) => ({ ...item }));
    this.#items = [...restored, ...this.#items].slice(0, QUEUE_LIMIT);
    this.#stepAll(restored, "postpone");
    this.#changed();
  }

  /** Sends a failed message again, with the same key. */
  retry(key: string): void {
    // The user has decided, so the earlier attempt no longer prevents this one.
    const anew = { attempt: undefined, at: this.#ports.clock.now() };
    if (this.#step(key, "retry", anew)) this.#changed();
  }

  /** Discards a message that is not in flight. */
  discard(key: string): void {
    if (this.#step(key, "discard")) this.#changed();
  }

  /** To be called when the connection is lost: what was in flight gets no answer. */
  lose(): void {
    this.resume();
    this.#stepAll(this.#items, "postpone");
  }

  /**
   * To be called when the connection is closed because a frame was too big: what was in flight is not sent
   * again by itself.
   */
  tooBig(): void {
    const sending = this.#items.filter(({ state }) => state === "sending");
    this.#stepAll(sending, "refuse", "too-big");
  }

  /** To be called when the room was read with a gap: what was attempted and not seen may be stored or not. */
  doubt(): void {
    this.#stepAll(
      this.#items.filter((item) => item.attempt),
      "doubt",
      "in-doubt",
    );
  }

  /** Fails all messages, because the server refused the room; `sentence` says why. */
  refuse(sentence: string): void {
    this.#stepAll(this.#items, "refuse", sentence);
  }

  /** To be called when the server can store again: ends a pause, unless the server named its length. */
  resume(): void {
    if (!this.#isTold) this.#endPause();
  }

  /** To be called when the store has the message. */
  stored(key: string, id: string): void {
    if (!this.#step(key, "stored")) return;
    this.#ids.set(key, id);
    this.#changed();
  }

  /**
   * To be called when the room's list shows everything up to `cursor`: sent messages up to there are removed
   * here. `entries`: new entries of the room, which may be messages of this queue.
   */
  shown(entries: readonly Entry[], cursor: string | undefined): void {
    for (const { key, attempt } of this.#items) {
      const echo = entries.find(
        (entry) => entry.type === "message" && entry.key === key && entry.user === attempt?.user,
      );
      if (echo) this.stored(key, echo.id);
    }
    const left = this.#items.filter(({ key, state }) => {
      const id = state === "sent" && this.#ids.get(key);
      return !id || !cursor || compareIds(id, cursor) > 0;
    });
    if (left.length === this.#items.length) return;
    this.#keep(left);
    this.#ports.changed();
  }

  /** To be called with the answer to a message that was not stored. */
  refused(key: string, { code, message, retryable, retryAfterMs }: Refused): void {
    if (!retryable) this.#step(key, "refuse", { error: message });
    else {
      const { clock, pauseMs } = this.#ports;
      const told = toldMs(retryAfterMs);
      const pause = Math.max(told, pauseMs());
      const isSaid = pause >= REASON_MS && (code === "rate-limited" || code === "storage-full");
      if (this.#step(key, "postpone", { error: isSaid ? message : undefined })) {
        this.#isTold = told > 0;
        this.#cancelPause = clock.after(pause, () => this.#endPause());
      }
    }
    this.#changed();
  }

  /** Attempts the next message, if there is nothing to wait for. */
  pump(): void {
    const { clock, self, changed, send } = this.#ports;
    const user = self();
    const item = this.#items.find(({ state }) => state === "queued");
    const isBusy = this.#cancelPause || this.#items.some(({ state }) => state === "sending");
    if (!user || !item || isBusy) return;
    const now = clock.now();
    if (isFresh(item, user, now)) {
      this.#step(item.key, "attempt", { attempt: item.attempt ?? { at: now, user } });
      changed();
      send(item.key, item.text);
    } else {
      this.#step(item.key, "doubt", { error: item.attempt ? "in-doubt" : "too-old" });
      this.#changed();
    }
  }

  #endPause(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#isTold = false;
    this.pump();
  }

  #find(key: string): Outgoing | undefined {
    return this.#items.find((item) => item.key === key);
  }

  /** Applies an event to a message, with further changed `fields`. Returns whether it changed. */
  #step(key: string, event: SendEvent, fields: Partial<Outgoing> = {}): boolean {
    const item = this.#find(key);
    const next = item && nextSendState(item.state, event);
    if (!next || next === item.state) return false;
    if (next === "gone") this.#keep(this.#items.filter((each) => each !== item));
    else {
      const changed = { ...item, error: undefined, ...fields, state: next };
      this.#items = this.#items.map((each) => (each === item ? changed : each));
    }
    return true;
  }

  #stepAll(items: readonly Outgoing[], event: SendEvent, error?: string): void {
    const changed = items.filter(({ key }) => this.#step(key, event, { error }));
    if (changed.length > 0) this.#ports.changed();
  }

  #keep(items: readonly Outgoing[]): void {
    this.#items = items;
    for (const key of this.#ids.keys()) if (!this.#find(key)) this.#ids.delete(key);
  }

  #changed(): void {
    this.#ports.changed();
    this.pump();
  }
}
