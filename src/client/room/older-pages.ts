import type { HistoryFrame } from "../../protocol/frames.ts";
import { backoffMs, toldMs } from "../connection/backoff.ts";
import type { Link } from "../connection/link.ts";
import { NO_ANSWER, type Refused } from "../frames.ts";
import { PAGE } from "../limits.ts";
import type { Clock, Random } from "../ports.ts";

/**
 * The result of a request for older messages. `full`: no more are kept in memory; `unavailable`: not now;
 * `refused`: not on this connection.
 */
export type OlderOutcome = "loaded" | "end" | "full" | "unavailable" | "refused";

export interface OlderPagesPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Pick<Link, "request">;
  /**
   * Inserts a page before the message for which it was requested. Returns whether another page can be
   * requested now.
   */
  readonly insert: (before: string, page: HistoryFrame) => boolean;
}

/**
 * Reads pages of older messages of a room: each page once at a time, and none again that the server refused.
 */
export class OlderPages {
  readonly #room: string;
  readonly #ports: OlderPagesPorts;
  readonly #pending = new Map<string, Promise<OlderOutcome>>();
  /** Ids of messages before which the server refuses a page on this connection. */
  readonly #refused = new Set<string>();
  #failures = 0;
  /** Time before which no page is requested, in ms since 1970 UTC. */
  #from = 0;

  constructor(room: string, ports: OlderPagesPorts) {
    this.#room = room;
    this.#ports = ports;
  }

  /** Reads one page of messages before the message of that id. */
  load(before: string): Promise<OlderOutcome> {
    const pending = this.#pending.get(before);
    if (pending) return pending;
    if (this.#refused.has(before)) return Promise.resolve("refused");
    if (this.#ports.clock.now() < this.#from) return Promise.resolve("unavailable");
    const page = this.#ask(before);
    this.#pending.set(before, page);
    return page;
  }

  /** Forgets what was refused, because the connection was lost. */
  forget(): void {
    this.#refused.clear();
  }

  #ask(before: string): Promise<OlderOutcome> {
    const request = { type: "history", room: this.#room, before, limit: PAGE } as const;
    return new Promise((resolve) => {
      this.#ports.link.request(request, (answer) => {
        this.#pending.delete(before);
        if (answer?.type === "history") resolve(this.#take(before, answer));
        else if (answer) resolve(this.#fail(before, answer.type === "error" ? answer : NO_ANSWER));
        else resolve("unavailable");
      });
    });
  }

  #take(before: string, page: HistoryFrame): OlderOutcome {
    const moves = this.#ports.insert(before, page);
    // A page without anything new would be requested again at once.
    if (page.more && !moves) return this.#fail(before, NO_ANSWER);
    this.#failures = 0;
    return page.more ? "loaded" : "end";
  }

  #fail(before: string, { retryable, retryAfterMs }: Refused): OlderOutcome {
    if (!retryable) {
      this.#refused.add(before);
      return "refused";
    }
    const { clock, random } = this.#ports;
    this.#from = clock.now() + Math.max(backoffMs(this.#failures, random()), toldMs(retryAfterMs));
    this.#failures += 1;
    return "unavailable";
  }
}
