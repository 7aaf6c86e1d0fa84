import type { Logger } from "../../../logging/logger.ts";
import type { StoreState, StoreStatus } from "../../store.ts";
import { withTimeout } from "../../with-timeout.ts";
import { describe } from "../errors.ts";
import type { RedisAddress } from "../redis-url.ts";
import type { Timeouts } from "../timeouts.ts";
import { type LifecycleEvent, transition } from "./lifecycle.ts";
import {
  RedisConnections,
  type RedisConnectionsListener,
  type RedisStoreOptions,
} from "./redis-connections.ts";
import { UnusableServer } from "./unusable-server.ts";

/** The steps of new connections towards `live`; a step that rejects ends the connections. */
export interface Steps {
  /** In `connecting`, after both connections are open. */
  prepare(connections: RedisConnections): Promise<void>;
  /** In `subscribing`. */
  subscribe(connections: RedisConnections): Promise<void>;
  /** In `catching-up`. */
  catchUp(): Promise<void>;
  /** Called when the connections are lost, and on close. */
  lost(): void;
  onData: RedisConnectionsListener["onData"];
  statusChanged(status: StoreStatus): void;
}

const WORDS: Readonly<Record<StoreState, string>> = {
  connecting: "connecting to Redis",
  subscribing: "subscribing to the rooms",
  "catching-up": "reading what was missed",
  live: "Redis is reachable",
  down: "Redis was lost",
  closed: "closed",
};

/** Takes the store through its lifecycle: opens connections, runs the steps, gives them up, tries again. */
export class Supervisor {
  readonly #address: RedisAddress;
  readonly #options: RedisStoreOptions;
  readonly #timeouts: Timeouts;
  readonly #logger: Logger;
  readonly #steps: Steps;
  #status: StoreStatus = { state: "connecting", reason: WORDS.connecting };
  #connections: RedisConnections | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Attempts since the connections last worked. */
  #attempts = 0;
  /** Reasons that were logged during this outage. Emptied when it is over. */
  readonly #told = new Set<string>();
  /** Why the last attempt failed; shown until one succeeds, because it tells more than the current state. */
  #lastReason: string | undefined;
  #wasLive = false;

  constructor(
    address: RedisAddress,
    options: RedisStoreOptions,
    timeouts: Timeouts,
    logger: Logger,
    steps: Steps,
  ) {
    this.#address = address;
    this.#options = options;
    this.#timeouts = timeouts;
    this.#logger = logger;
    this.#steps = steps;
  }

  get status(): StoreStatus {
    return this.#status;
  }

  /** The connections in use, in any state. */
  get connections(): RedisConnections | undefined {
    return this.#connections;
  }

  /** Starts the first attempt. */
  start(): void {
    if (this.#status.state !== "connecting" || this.#connections !== undefined) return;
    this.#steps.statusChanged(this.#status);
    this.#connect();
  }

  /** To be called when the connections work: the next loss is a new outage. */
  proved(): void {
    this.#attempts = 0;
  }

  /** Gives up the connections, if they are still in use, and tries again after a pause. */
  lose(connections: RedisConnections, reason: string, isFinal = false): void {
    if (this.#connections !== connections) return;
    this.#drop(connections);
    this.#warn(reason);
    this.#lastReason = reason;
    this.#retry = setTimeout(this.#again, this.#pause());
    this.#move("lost", reason, isFinal && !this.#wasLive);
  }

  /**
   * Closes the store for good. `beforeClose` runs before the connections are destroyed, if they are open.
   * Never rejects.
   */
  async close(beforeClose: (connections: RedisConnections) => Promise<void>): Promise<void> {
    const connections = this.#connections;
    const reachable = connections !== undefined && this.#status.state !== "connecting";
    this.#move("close");
    clearTimeout(this.#retry);
    if (connections === undefined) return;
    // So that meanwhile the connections are not used, and their end is not taken for a loss.
    this.#connections = undefined;
    this.#steps.lost();
    if (reachable) {
      await withTimeout(this.#timeouts.closeMs, beforeClose(connections)).catch((error: unknown) => {
        this.#logger.debug({ reason: describe(error) }, "the store did not close cleanly");
      });
    }
    connections.destroy();
  }

  /** Connects, unless a listener of the last change has closed the store. */
  #connect(): void {
    if (this.#status.state !== "connecting") return;
    this.#attempts += 1;
    const connections: RedisConnections = new RedisConnections(this.#address, this.#options, this.#timeouts, {
      onData: (channel, payload) => this.#steps.onData(channel, payload),
      lost: (reason) => this.lose(connections, reason),
    });
    this.#connections = connections;
    this.#bringUp(connections).catch((error: unknown) => {
      this.lose(connections, describe(error), error instanceof UnusableServer && error.isFinal);
    });
  }

  async #bringUp(connections: RedisConnections): Promise<void> {
    const { connectMs, catchUpMs } = this.#timeouts;
    await withTimeout(connectMs, connections.ready);
    await withTimeout(connectMs, this.#steps.prepare(connections));
    if (!this.#advance(connections, "reached")) return;
    await withTimeout(catchUpMs, this.#steps.subscribe(connections));
    if (!this.#advance(connections, "subscribed")) return;
    await withTimeout(catchUpMs, this.#steps.catchUp());
    this.#lastReason = undefined;
    if (!this.#advance(connections, "caught-up")) return;
    this.#wasLive = true;
    this.#told.clear();
    this.#logger.info({}, "the store is live");
  }

  /**
   * Applies an event. Returns false if the connections were given up, during a step or by a listener of the
   * change.
   */
  #advance(connections: RedisConnections, event: LifecycleEvent): boolean {
    if (this.#connections !== connections) return false;
    this.#move(event);
    return this.#connections === connections;
  }

  #move(event: LifecycleEvent, reason = this.#lastReason, isUnusable = false): void {
    const state = transition(this.#status.state, event);
    if (state === undefined) return;
    const words = state === "closed" ? WORDS.closed : (reason ?? WORDS[state]);
    this.#status = { state, reason: words, ...(isUnusable ? { unusable: true } : {}) };
    this.#steps.statusChanged(this.#status);
  }

  #drop(connections: RedisConnections): void {
    this.#connections = undefined;
    this.#steps.lost();
    connections.destroy();
  }

  readonly #again = (): void => {
    this.#move("retry");
    this.#connect();
  };

  /**
   * Returns the milliseconds before the next attempt, which double up to a limit. The jitter keeps processes
   * from reconnecting at the same time.
   */
  #pause(): number {
    const { backoffMinMs, backoffMaxMs } = this.#timeouts;
    const full = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempts, 16));
    return full / 2 + (Math.random() * full) / 2;
  }

  /**
   * Logs each reason once per outage, so that an hour is not two thousand lines, even if two reasons
   * alternate.
   */
  #warn(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#logger.warn({ event: "log-down", reason }, "the store is down");
  }
}
