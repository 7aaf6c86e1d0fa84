import { ALL_ROOMS } from "../access.ts";

const YOUNGER = ":sent:younger:";
const OLDER = ":sent:older:";

/** The last part of a stream's name. */
export const LOG = "log";

/**
 * The names of all keys and channels of the Redis store.
 * A room's keys contain the room as hash tag (`{room}`), so that all of them are in one slot of a cluster and
 * one script may use them together. A key belongs to one database, a channel to the whole server, so a
 * channel's name ends in the number of the database, except for database 0, to keep the names of older
 * versions. No two databases share a name, whatever their prefixes: without that number a name ends in
 * `:live`, in `mark` or in an instance.
 */
export class Keys {
  readonly #prefix: string;
  readonly #channelEnd: string;

  /** @param prefix the prefix of every key and channel, for example `dynochat:`. */
  constructor(prefix: string, database = 0) {
    this.#prefix = prefix;
    this.#channelEnd = database === 0 ? "" : `@${database}`;
  }

  /** Stream: the entries of a room. */
  log(room: string): string {
    return `${this.#prefix}{${room}}:${LOG}`;
  }

  /** Channel: entries and ephemeral events of a room. */
  channel(room: string): string {
    return `${this.#prefix}{${room}}:${this.channelName}`;
  }

  /** The last part of a channel's name, in place of `log` in the stream's name. */
  get channelName(): string {
    return `live${this.#channelEnd}`;
  }

  /** Hash: the ids of a user's last messages in a room by key, and the user's credit. */
  youngerKeys(room: string, user: string): string {
    return `${this.#prefix}{${room}}${YOUNGER}${user}`;
  }

  /** Hash: the generation of keys before `youngerKeys`. */
  olderKeys(room: string, user: string): string {
    return `${this.#prefix}{${room}}${OLDER}${user}`;
  }

  /** Glob pattern: the younger hash of every guest in every room. Only guests' ids begin with g. */
  guestsKeys(): string {
    const prefix = this.#prefix.replaceAll(/[\\*?[\]^-]/g, "\\$&");
    return `${prefix}{*}${YOUNGER}g*`;
  }

  /** Hash: the older generation that belongs to a younger one. */
  olderOf(youngerKeys: string): string {
    const cut = youngerKeys.lastIndexOf(YOUNGER);
    return youngerKeys.slice(0, cut) + OLDER + youngerKeys.slice(cut + YOUNGER.length);
  }

  /** String: the used part of the limit of a room's guests. */
  guests(room: string): string {
    return `${this.#prefix}{${room}}:guests`;
  }

  /** String: the used part of the limit of an address's guests. In no room's slot. */
  address(digest: string): string {
    return `${this.#prefix}address:${digest}`;
  }

  /** Hash: the claims of handles in a room, by look (handles.lua). */
  handles(room: string): string {
    return `${this.#prefix}{${room}}:handles`;
  }

  /** Hash: the access rules of a room, by subject (access.lua). */
  access(room: string): string {
    return `${this.#prefix}{${room}}:access`;
  }

  /** Hash: the marks that users were signed out or are to be asked for again, by subject (access.lua). */
  marks(): string {
    return `${this.#prefix}{${ALL_ROOMS}}:marks`;
  }

  /** Hash: what the embedding app granted users in a room in one span of `GRANT_MS`, by user. */
  granted(room: string, span: number): string {
    return `${this.#prefix}{${room}}:granted:${span}`;
  }

  /** Hash: the users in a room, `<instance>:<user>` to handle. */
  who(room: string): string {
    return `${this.#prefix}{${room}}:who`;
  }

  /**
   * Hash: the networks of the guests in a room, `<instance>:<user>` to digest. Separate from `who`, because
   * older versions show the values of that.
   */
  networks(room: string): string {
    return `${this.#prefix}{${room}}:networks`;
  }

  /** String: exists while the process runs. */
  lease(instance: string): string {
    return `${this.#prefix}lease:${instance}`;
  }

  /** String: a value shared by all processes. */
  shared(name: string): string {
    return `${this.#prefix}shared:${name}`;
  }

  /** Channel: one process's probe that publishing reaches its own subscriber. */
  probe(instance: string): string {
    return `${this.#prefix}probe:${instance}${this.#channelEnd}`;
  }

  /** Channel without subscribers: publishing to it is the write that `WAIT` refers to. */
  mark(): string {
    return `${this.#prefix}mark${this.#channelEnd}`;
  }

  /** Names of a room that cannot exist, to test the permissions for a room's keys and channel. */
  trial(): { readonly key: string; readonly channel: string } {
    return { key: this.log("-"), channel: this.channel("-") };
  }

  /** Sorted set: rooms by the time of their last message. */
  rooms(): string {
    return `${this.#prefix}rooms`;
  }

  /** Sorted set: rooms that guests made within a week, by the time of their first message. */
  guestRooms(): string {
    return `${this.#prefix}rooms:guests`;
  }

  /** Hash: the reports of the running processes, by instance. */
  processes(): string {
    return `${this.#prefix}processes`;
  }

  /** Hash: the reports of messages and what is counted of them (reports.lua). */
  messageReports(): string {
    return `${this.#prefix}reports`;
  }

  /** Sorted set: the ids of the reports of messages. */
  reportOrder(): string {
    return `${this.#prefix}reports:order`;
  }

  /** Sorted set: the ids of guests' reports of messages. */
  guestReports(): string {
    return `${this.#prefix}reports:guests`;
  }

  /**
   * Hash: the features that the stored data needs, and since when; each process must know all of them to
   * serve.
   */
  needs(): string {
    return `${this.#prefix}needs`;
  }

  /** Hash: the features that each process knows, by instance, and when it said so. */
  knows(): string {
    return `${this.#prefix}knows`;
  }

  /** String: the instance that trims histories. */
  trimmerLease(): string {
    return `${this.#prefix}housekeeper`;
  }
}
