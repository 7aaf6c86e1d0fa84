import type { Redis } from "ioredis";
import type { RoomSubscriber } from "../../store.ts";
import type { Keys } from "../keys.ts";

/** Channels per SUBSCRIBE, few enough that its replies come well within a command's time limit. */
const BATCH = 200;

/** A room to which this process subscribes. */
export interface Subscription {
  readonly room: string;
  readonly subscriber: RoomSubscriber;
}

/** The rooms to which this process subscribes, kept when the connection is lost. */
export class Subscriptions {
  readonly #keys: Keys;
  /** By channel. Emptied by `remove`, which the owner of a room calls when its last member has left. */
  readonly #kept = new Map<string, Subscription>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** Returns the subscription of a channel; undefined if there is none. */
  of(channel: Buffer): Subscription | undefined {
    return this.#kept.get(channel.toString());
  }

  /**
   * Subscribes a room. Fulfils when the server has confirmed it; otherwise rejects, and the room is not kept.
   */
  async add(subscription: Subscription, redis: Redis): Promise<void> {
    const channel = this.#keys.channel(subscription.room);
    this.#kept.set(channel, subscription);
    try {
      await redis.subscribe(channel);
    } catch (error) {
      // The room may have been removed and added again meanwhile.
      if (this.#kept.get(channel) === subscription) this.#kept.delete(channel);
      throw error;
    }
  }

  /** Unsubscribes a room. Rejects if the server did not confirm it; the room is not kept in either case. */
  async remove(room: string, redis: Redis | undefined): Promise<void> {
    const channel = this.#keys.channel(room);
    this.#kept.delete(channel);
    await redis?.unsubscribe(channel);
  }

  /** Subscribes all kept rooms on a new connection. */
  async restore(redis: Redis): Promise<void> {
    const channels = [...this.#kept.keys()];
    for (let start = 0; start < channels.length; start += BATCH) {
      // A room may have been removed while an earlier batch was awaited.
      const batch = channels.slice(start, start + BATCH).filter((channel) => this.#kept.has(channel));
      if (batch.length > 0) await redis.subscribe(...batch);
    }
  }
}
