import type { Redis } from "ioredis";
import type { RoomSubscriber } from "../../store.ts";
import type { Keys } from "../keys.ts";

/** Channels named by one SUBSCRIBE: few enough that its replies come well within a command's time. */
const BATCH = 200;

/** A room that this process wants to hear from. */
export interface Subscription {
  readonly room: string;
  readonly subscriber: RoomSubscriber;
}

/** The rooms that this process wants to hear from, kept through losses of the connection. */
export class Subscriptions {
  readonly #keys: Keys;
  /** By channel. Emptied by `remove`, which the owner of a room calls after its last member left. */
  readonly #wanted = new Map<string, Subscription>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** Returns whose channel this is; undefined = it is no longer wanted. */
  of(channel: Buffer): Subscription | undefined {
    return this.#wanted.get(channel.toString());
  }

  /** Fulfils when the server has confirmed it; rejects, and the room is not wanted, when it did not. */
  async add(subscription: Subscription, redis: Redis): Promise<void> {
    const channel = this.#keys.channel(subscription.room);
    this.#wanted.set(channel, subscription);
    try {
      await redis.subscribe(channel);
    } catch (error) {
      // The room may have been given up and opened again meanwhile.
      if (this.#wanted.get(channel) === subscription) this.#wanted.delete(channel);
      throw error;
    }
  }

  /** Rejects when the server did not confirm it; the room is no longer wanted either way. */
  async remove(room: string, redis: Redis | undefined): Promise<void> {
    const channel = this.#keys.channel(room);
    this.#wanted.delete(channel);
    await redis?.unsubscribe(channel);
  }

  /** Subscribes all wanted rooms on a new connection. */
  async restore(redis: Redis): Promise<void> {
    const channels = [...this.#wanted.keys()];
    for (let start = 0; start < channels.length; start += BATCH) {
      // A room may have been given up while an earlier batch was awaited.
      const batch = channels.slice(start, start + BATCH).filter((channel) => this.#wanted.has(channel));
      if (batch.length > 0) await redis.subscribe(...batch);
    }
  }
}
