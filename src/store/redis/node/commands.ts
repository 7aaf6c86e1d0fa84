import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { StoreUnavailable } from "../../store.ts";
import { withTimeout } from "../../with-timeout.ts";
import { classify, describe, isRefusedBySetup } from "../errors.ts";
import type { Timeouts } from "../timeouts.ts";
import type { RedisConnections } from "./redis-connections.ts";
import type { Supervisor } from "./supervisor.ts";
import { UnusableServer } from "./unusable-server.ts";

/** What `Commands` needs of the store. */
export interface CommandDeps {
  readonly supervisor: () => Supervisor;
  /** Called when the connection may be broken: a command was not answered in time. */
  readonly doubted: () => void;
}

/** Runs commands on the connection that is in use, and finds out what it means for that when one fails. */
export class Commands {
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  readonly #deps: CommandDeps;

  constructor(timeouts: Timeouts, throttled: ThrottledLogger, deps: CommandDeps) {
    this.#timeouts = timeouts;
    this.#throttled = throttled;
    this.#deps = deps;
  }

  /** The connections, if subscriptions are in place. */
  get connections(): RedisConnections | undefined {
    const { connections, status } = this.#deps.supervisor();
    return status.state === "live" || status.state === "catching-up" ? connections : undefined;
  }

  /** The connections, also before subscriptions are in place. */
  get opened(): RedisConnections | undefined {
    return this.#deps.supervisor().connections;
  }

  /** Returns the error for a command that cannot be run now. */
  unavailable(): StoreUnavailable {
    return new StoreUnavailable(this.#deps.supervisor().status.reason);
  }

  /** Runs a command with an answer. Rejects with StoreUnavailable if it takes longer than one command may. */
  async ask<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const { connections } = this;
    if (connections === undefined) throw this.unavailable();
    try {
      return await withTimeout(this.#timeouts.commandMs, work(connections.writer));
    } catch (error) {
      this.doubt(error);
      throw new StoreUnavailable(describe(error));
    }
  }

  /** Runs a command whose success is not awaited. Never rejects. */
  async tell(work: (redis: Redis) => Promise<void>): Promise<void> {
    const { connections } = this;
    if (connections === undefined) return;
    try {
      await withTimeout(this.#timeouts.commandMs, work(connections.writer));
    } catch (error) {
      this.doubt(error);
    }
  }

  /** Handles the error of a command: gives the connections up, has them probed, or logs what is wrong. */
  doubt(error: unknown): void {
    if (error instanceof UnusableServer) {
      this.lose(error.message);
      return;
    }
    const failure = classify(error);
    if (failure === "not-writable") this.lose(describe(error));
    else if (failure === "unavailable") this.#deps.doubted();
    else if (isRefusedBySetup(error)) {
      this.#throttled.log("error", "Redis refuses a command", { event: "refused", reason: describe(error) });
    } else if (failure === "unexpected") {
      this.#throttled.log("error", "a command failed unexpectedly", { reason: describe(error) });
    }
  }

  /** Gives connections up; does nothing if they are not in use any more. */
  lose(reason: string, connections = this.opened): void {
    if (connections !== undefined) this.#deps.supervisor().lose(connections, reason);
  }
}
