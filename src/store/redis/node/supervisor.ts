import type { Logger } from "../../../logging/logger.ts";
import type { LogState, LogStatus } from "../../store.ts";
import { within } from "../../with-timeout.ts";
import { describe } from "../errors.ts";
import type { RedisAddress } from "../redis-url.ts";
import type { Times } from "../timeouts.ts";
import { type LifecycleEvent, transition } from "./lifecycle.ts";
import { Link, type LinkListener, type RedisLogOptions } from "./redis-connections.ts";
import { UnusableServer } from "./unusable-server.ts";

/** What is done with a new link on its way to `live`; a step that rejects ends the link. */
export interface Steps {
  /** In `connecting`, once both connections are made. */
  prepare(link: Link): Promise<void>;
  /** In `subscribing`. */
  subscribe(link: Link): Promise<void>;
  /** In `catching-up`. */
  catchUp(): Promise<void>;
  /** The link is gone; also called on close. */
  lost(): void;
  received: LinkListener["received"];
  statusChanged(status: LogStatus): void;
}

const WORDS: Readonly<Record<LogState, string>> = {
  connecting: "connecting to Redis",
  subscribing: "subscribing to the rooms",
  "catching-up": "reading what was missed",
  live: "Redis is reachable",
  down: "Redis was lost",
  closed: "closed",
};

/** Takes the log through its lifecycle: makes links, brings them up, gives them up, tries again. */
export class Supervisor {
  readonly #address: RedisAddress;
  readonly #options: RedisLogOptions;
  readonly #times: Times;
  readonly #logger: Logger;
  readonly #steps: Steps;
  #status: LogStatus = { state: "connecting", reason: WORDS.connecting };
  #link: Link | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Attempts since the connection last proved good. */
  #attempts = 0;
  /** What was said of this loss already. Emptied when it is over. */
  readonly #told = new Set<string>();
  /** Why the last attempt failed; until one succeeds it says more than what is being tried. */
  #lastReason: string | undefined;
  #wasLive = false;

  constructor(address: RedisAddress, options: RedisLogOptions, times: Times, logger: Logger, steps: Steps) {
    this.#address = address;
    this.#options = options;
    this.#times = times;
    this.#logger = logger;
    this.#steps = steps;
  }

  get status(): LogStatus {
    return this.#status;
  }

  /** The link in use, whatever its state. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Begins the first attempt. */
  start(): void {
    if (this.#status.state !== "connecting" || this.#link !== undefined) return;
    this.#steps.statusChanged(this.#status);
    this.#connect();
  }

  /** The connections work: the next loss is a new one, not the last one going on. */
  proved(): void {
    this.#attempts = 0;
  }

  /** Gives the link up, if it is still the one in use, and tries again after a pause. */
  lose(link: Link, reason: string, isFinal = false): void {
    if (this.#link !== link) return;
    this.#drop(link);
    this.#warn(reason);
    this.#lastReason = reason;
    this.#retry = setTimeout(this.#again, this.#pause());
    this.#move("lost", reason, isFinal && !this.#wasLive);
  }

  /** Final. `farewell` is done with the link before it is destroyed, if it is up. Never rejects. */
  async close(farewell: (link: Link) => Promise<void>): Promise<void> {
    const link = this.#link;
    const reachable = link !== undefined && this.#status.state !== "connecting";
    this.#move("close");
    clearTimeout(this.#retry);
    if (link === undefined) return;
    // Nothing may take it for usable, nor its end for a loss, while the farewell is said.
    this.#link = undefined;
    this.#steps.lost();
    if (reachable) {
      await within(this.#times.farewellMs, farewell(link)).catch((error: unknown) => {
        this.#logger.debug({ reason: describe(error) }, "the log could not say goodbye");
      });
    }
    link.destroy();
  }

  /** Whoever is told of a change may close the log at once; then there is nothing to connect for. */
  #connect(): void {
    if (this.#status.state !== "connecting") return;
    this.#attempts += 1;
    const link: Link = new Link(this.#address, this.#options, this.#times, {
      received: (channel, payload) => this.#steps.received(channel, payload),
      lost: (reason) => this.lose(link, reason),
    });
    this.#link = link;
    this.#bringUp(link).catch((error: unknown) => {
      this.lose(link, describe(error), error instanceof UnusableServer && error.isFinal);
    });
  }

  async #bringUp(link: Link): Promise<void> {
    const { connectMs, catchUpMs } = this.#times;
    await within(connectMs, link.ready);
    await within(connectMs, this.#steps.prepare(link));
    if (!this.#advance(link, "reached")) return;
    await within(catchUpMs, this.#steps.subscribe(link));
    if (!this.#advance(link, "subscribed")) return;
    await within(catchUpMs, this.#steps.catchUp());
    this.#lastReason = undefined;
    if (!this.#advance(link, "caught-up")) return;
    this.#wasLive = true;
    this.#told.clear();
    this.#logger.info({}, "the log is live");
  }

  /** False: the link was given up, while a step was awaited or by whoever was told of the change. */
  #advance(link: Link, event: LifecycleEvent): boolean {
    if (this.#link !== link) return false;
    this.#move(event);
    return this.#link === link;
  }

  #move(event: LifecycleEvent, reason = this.#lastReason, isUnusable = false): void {
    const state = transition(this.#status.state, event);
    if (state === undefined) return;
    const words = state === "closed" ? WORDS.closed : (reason ?? WORDS[state]);
    this.#status = { state, reason: words, ...(isUnusable ? { unusable: true } : {}) };
    this.#steps.statusChanged(this.#status);
  }

  #drop(link: Link): void {
    this.#link = undefined;
    this.#steps.lost();
    link.destroy();
  }

  readonly #again = (): void => {
    this.#move("retry");
    this.#connect();
  };

  /** Doubles with every attempt up to a bound; the jitter keeps processes from returning in step. */
  #pause(): number {
    const { backoffMinMs, backoffMaxMs } = this.#times;
    const full = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempts, 16));
    return full / 2 + (Math.random() * full) / 2;
  }

  /** An outage of an hour is one line per reason, not two thousand, also where two reasons take turns. */
  #warn(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#logger.warn({ event: "log-down", reason }, "the log is down");
  }
}
