import { setImmediate as turn } from "node:timers/promises";
import type { Redis } from "ioredis";
import { StoreUnavailable } from "../../store.ts";
import { isReply } from "../errors.ts";
import type { Script } from "./scripts.ts";

/** A server did not know the script: it is being loaded again. */
interface Reload {
  /** Who sent something that was carried out although something of theirs before it was not. */
  readonly overtook: Set<string>;
  /** The server knows the script, and everything that was under way before has been answered. */
  readonly loaded: Promise<unknown>;
  /** What was refused has been sent again: new runs may follow. Never rejects. */
  readonly over: Promise<void>;
}

/**
 * Runs one script for many senders whose runs need not wait for each other, and keeps each sender's order also
 * where the server forgot the script in the middle of them (flushed, or another server since a failover). Then new
 * runs wait, and what was refused is sent again in its order. All runs use one connection, which answers in order.
 */
export class OrderedScript {
  #script: Script;
  #reload: Reload | undefined;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Runs another script from now on, which does the same; what is sent again is this one. */
  replace(script: Script): void {
    this.#script = script;
  }

  /**
   * Rejects as the command does; with StoreUnavailable where another process loaded the script just then, so that a later
   * run of the same sender was carried out before this one could be.
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
    // The whole body: it may have been forgotten again since.
    return redis.eval(this.#script.body, keys.length, ...keys, ...args);
  }

  #carriedOut(sender: string): void {
    this.#reload?.overtook.add(sender);
  }

  #load(redis: Redis): Reload {
    const loaded = redis.script("LOAD", this.#script.body);
    const over = loaded
      .catch(() => undefined)
      // Whoever waited for `loaded` sends in the turn in which it fulfils.
      .then(() => turn())
      .then(() => {
        this.#reload = undefined;
      });
    return { overtook: new Set(), loaded, over };
  }
}
