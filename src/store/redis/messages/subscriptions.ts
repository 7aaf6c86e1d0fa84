import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";

/** Channels named by one SUBSCRIBE: few enough that its replies come well within a command's time. */
const BATCH = 200;

/** The rooms that this process wants to hear from, kept through losses of the connection. */
export class Subscriptions {
  readonly #keys: Keys;
  /** Channel to room. Emptied by `remove`, which the owner of a room calls when its last member left. */
  readonly #rooms = new Map<string, string>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** The wanted room of a channel. */
  roomOf(channel: Buffer): string | undefined {
    return this.#rooms.get(channel.toString());
  }

  /** Fulfils when the server has confirmed it; rejects, and the room is not wanted, when it did not. */
  async add(room: string, subscriber: Redis): Promise<void> {
    const channel = this.#keys.channel(room);
    this.#rooms.set(channel, room);
    try {
      await subscriber.subscribe(channel);
    } catch (error) {
      this.#rooms.delete(channel);
      throw error;
    }
  }

  /** Rejects when the server did not confirm it; the room is no longer wanted either way. */
  async remove(room: string, subscriber: Redis | undefined): Promise<void> {
    const channel = this.#keys.channel(room);
    this.#rooms.delete(channel);
    await subscriber?.unsubscribe(channel);
  }

  /** Subscribes all wanted rooms on a new connection. */
  async restore(subscriber: Redis): Promise<void> {
    const channels = [...this.#rooms.keys()];
    for (let start = 0; start < channels.length; start += BATCH) {
      // A room may have been given up while an earlier batch was awaited.
      const batch = channels.slice(start, start + BATCH).filter((channel) => this.#rooms.has(channel));
      if (batch.length > 0) await subscriber.subscribe(...batch);
    }
  }
}
