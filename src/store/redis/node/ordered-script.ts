import { setImmediate as turn } from "node:timers/promises";
import type { Redis } from "ioredis";
import { StoreUnavailable } from "../../store.ts";
import { isReply } from "../errors.ts";
import type { Script } from "./scripts.ts";

/** A reload of the script, because the server did not know it. */
interface Reload {
  /** Senders of whom a run was carried out although an earlier one was not. */
  readonly overtook: Set<string>;
  /** Fulfils when the server knows the script, and all runs that were pending before have been answered. */
  readonly loaded: Promise<unknown>;
  /** Fulfils when the refused runs have been sent again, and new runs may follow. Never rejects. */
  readonly over: Promise<void>;
}

/**
 * Runs one script for many senders whose runs need not wait for each other, and keeps each sender's order
 * even if the server forgets the script meanwhile (scripts were flushed, or a failover changed the server).
 * Then new runs wait, and refused ones are sent again in their order. All runs use one connection, which
 * answers in order.
 */
export class OrderedScript {
  #script: Script;
  #reload: Reload | undefined;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Changes to another script that does the same; refused runs are sent again with it. */
  replace(script: Script): void {
    this.#script = script;
  }

  /**
   * Runs the script. Rejects as the command does; with StoreUnavailable if another process loaded the script
   * just then, so that a later run of the same sender was carried out before this one.
   */
  async run(
    redis: Redis,
    sender: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    while (this.#reload !== undefined) await this.#reload.over;
    try {
      const reply = await redis.evalsha(this.#script.sha, keys.length, ...keys, ...args);
      this.#carriedOut(sender);
      return reply;
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith("NOSCRIPT")) throw error;
    }
    this.#reload ??= this.#load(redis);
    const { loaded, overtook } = this.#reload;
    await loaded;
    if (overtook.has(sender)) throw new StoreUnavailable("a later message was stored first");
    // With the whole body, because the server may have forgotten it again.
    return redis.eval(this.#script.body, keys.length, ...keys, ...args);
  }

  #carriedOut(sender: string): void {
    this.#reload?.overtook.add(sender);
  }

  #load(redis: Redis): Reload {
    const loaded = redis.script("LOAD", this.#script.body);
    const over = loaded
      .catch(() => undefined)
      // Runs that waited for `loaded` are sent in the tick in which it fulfils.
      .then(() => turn())
      .then(() => {
        this.#reload = undefined;
      });
    return { overtook: new Set(), loaded, over };
  }
}
