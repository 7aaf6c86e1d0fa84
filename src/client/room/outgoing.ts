import { compareIds } from "../../protocol/ids.ts";
import { toldMs } from "../connection/backoff.ts";
import { REASON_MS } from "../connection/timing.ts";
import { KEY_MS } from "../contract.ts";
import type { Entry, Refused } from "../frames.ts";
import { KEY_LENGTH, QUEUE_LIMIT } from "../limits.ts";
import type { Cancel, Clock, Random } from "../ports.ts";
import { nextSendState, type SendEvent, type SendState } from "./send-state.ts";

/**
 * A message on its way, as it is shown after the room's messages; plain values, so that it can be kept over a
 * reload. A change makes a new object; the key stays.
 */
export interface Outgoing {
  readonly key: string;
  readonly text: string;
  readonly state: SendState;
  /** When it was given to the client, or given to it again, in ms since 1970 UTC. */
  readonly at: number;
  /**
   * Why it failed: the server's sentence, or one of the client's own words for it. While it is `queued`: why a limit or a full
   * storage lets it wait `REASON_MS` or longer, the server's sentence.
   */
  readonly error?: SendDoubt | (string & {}) | undefined;
  /** When it was first attempted, and by whom: since then the server may have it. */
  readonly attempt?: { readonly at: number; readonly user: string } | undefined;
}

/**
 * Why a message failed that the server did not refuse:
 * - `in-doubt`: it was attempted, and nobody knows any more whether it arrived;
 * - `too-old`: it was never attempted, and may not be meant any more;
 * - `too-big`: the server closed the connection on which it was sent, because a frame was over its limit.
 */
export type SendDoubt = "in-doubt" | "too-old" | "too-big";

/** Why a text is not taken at all; `room-refused`: `Room.refusal` has the server's sentence. */
export type SendProblem = "text-empty" | "text-too-long" | "queue-full" | "room-refused";

/** Thrown where a text is not taken; nothing of it is kept. Sentences for people are the caller's business. */
export class SendRefused extends Error {
  declare readonly message: SendProblem;

  constructor(problem: SendProblem) {
    super(problem);
  }
}

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
function isFresh({ at, attempt }: Outgoing, user: string, now: number): boolean {
  return now - (attempt?.at ?? at) < KEY_MS && (attempt?.user ?? user) === user;
}

/**
 * The unsent messages of one room, in order, one in flight. What was attempted is attempted again with
 * the same key, and only while the server still knows keys and the room's log was read without a gap.
 */
export class OutgoingQueue {
  readonly #ports: OutgoingPorts;
  /** Never changed in place: a change makes another list. */
  #items: readonly Outgoing[] = [];
  /** Ids of what is sent and still in the list, by key. */
  readonly #ids = new Map<string, string>();
  /** There while the server wants a pause; `isTold`: for a time that it named. */
  #cancelPause: Cancel | undefined;
  #isTold = false;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** In the order in which they were given; the same list until something changes. */
  get list(): readonly Outgoing[] {
    return this.#items;
  }

  /** Takes a message; returns its key. Throws SendRefused beyond QUEUE_LIMIT. */
  add(text: string): string {
    if (this.#items.length >= QUEUE_LIMIT) throw new SendRefused("queue-full");
    const { clock, random } = this.#ports;
    const key = newKey(random);
    this.#items = [...this.#items, { key, text, at: clock.now(), state: "queued" }];
    this.#changed();
    return key;
  }

  /** Takes back what another life of this client did not get sent, before what is here. */
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
    // The person has decided: what happened to the earlier attempt no longer holds this one back.
    const anew = { attempt: undefined, at: this.#ports.clock.now() };
    if (this.#step(key, "retry", anew)) this.#changed();
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

  /** The connection is gone because a frame was too big: what was in flight is not sent again by itself. */
  tooBig(): void {
    const sending = this.#items.filter(({ state }) => state === "sending");
    this.#stepAll(sending, "refuse", "too-big");
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

  /** The server can store again: no reason to wait any longer than it said. */
  resume(): void {
    if (!this.#isTold) this.#endPause();
  }

  /** The log has it. */
  stored(key: string, id: string): void {
    if (!this.#step(key, "stored")) return;
    this.#ids.set(key, id);
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
    const left = this.#items.filter(({ key, state }) => {
      const id = state === "sent" && this.#ids.get(key);
      return !id || !cursor || compareIds(id, cursor) > 0;
    });
    if (left.length === this.#items.length) return;
    this.#keep(left);
    this.#ports.changed();
  }

  /** The answer to a message that was not stored. */
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

  /** Attempts the next one, if there is nothing to wait for. */
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

  /** Returns whether the event changed the message. `fields`: what else is new about it. */
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
