import type { Redis } from "ioredis";
import { type RoomSubscriber, StoreUnavailable } from "../../store.ts";
import { describe, isRefusedBySetup } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { Commands } from "../node/commands.ts";

/** Channels per SUBSCRIBE, few enough that its replies come well within a command's time limit. */
const BATCH = 200;

/** A room to which this process subscribes. */
export interface Subscription {
  readonly room: string;
  readonly subscriber: RoomSubscriber;
}

/** Pending ephemeral events at most; a typing event that would have to wait is dropped. */
const MAX_PENDING_EVENTS = 1_000;

/** The rooms to which this process subscribes, kept when the connection is lost, and their channels. */
export class Subscriptions {
  readonly #keys: Keys;
  readonly #commands: Commands;
  #pendingEvents = 0;
  /** By channel. Emptied by `unsubscribe`, which the owner of a room calls when its last member has left. */
  readonly #kept = new Map<string, Subscription>();

  constructor(keys: Keys, commands: Commands) {
    this.#keys = keys;
    this.#commands = commands;
  }

  /** Returns the subscription of a channel; undefined if there is none. */
  of(channel: Buffer): Subscription | undefined {
    return this.#kept.get(channel.toString());
  }

  /**
   * Subscribes a room. Fulfils when the server has confirmed it; else rejects with StoreUnavailable, and the
   * room is not kept.
   */
  async subscribe(subscription: Subscription): Promise<void> {
    const { connections } = this.#commands;
    if (connections === undefined) throw this.#commands.unavailable();
    const channel = this.#keys.channel(subscription.room);
    this.#kept.set(channel, subscription);
    try {
      await connections.subscriber.subscribe(channel);
    } catch (error) {
      // The room may have been removed and added again meanwhile.
      if (this.#kept.get(channel) === subscription) this.#kept.delete(channel);
      // A subscriber that did not answer may have lost other rooms too, unless it only lacks the permission
      // for this one.
      if (isRefusedBySetup(error)) this.#commands.doubt(error);
      else this.#commands.lose(describe(error), connections);
      throw new StoreUnavailable(describe(error));
    }
  }

  /** Unsubscribes a room. Never rejects: without a connection there is nothing to unsubscribe. */
  async unsubscribe(room: string): Promise<void> {
    const channel = this.#keys.channel(room);
    this.#kept.delete(channel);
    const connections = this.#commands.opened;
    try {
      await connections?.subscriber.unsubscribe(channel);
    } catch (error) {
      if (connections !== undefined && this.#commands.connections === connections)
        this.#commands.lose(describe(error), connections);
    }
  }

  /** Publishes an ephemeral event; silently dropped if the store is unreachable, or too many wait. */
  publish(room: string, payload: Buffer): void {
    const { connections } = this.#commands;
    if (connections === undefined || this.#pendingEvents >= MAX_PENDING_EVENTS) return;
    this.#pendingEvents += 1;
    connections.writer
      .publish(this.#keys.channel(room), payload)
      .catch((error: unknown) => this.#commands.doubt(error))
      .finally(() => {
        this.#pendingEvents -= 1;
      });
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
