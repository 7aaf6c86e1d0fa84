const YOUNGER = ":sent:younger:";
const OLDER = ":sent:older:";

/** The end of a stream's name. */
export const LOG = "log";

/**
 * Every key and channel name of the Redis store, in one place.
 *
 * A room's keys carry the room as hash tag (`{room}`), so that all of them share one slot of a
 * cluster and one script may touch them together. A key belongs to one database, a channel to the whole server, so
 * a channel's name ends in the number of the database; that of database 0 does not, as it was before there were others.
 * No two databases share a name, whatever their prefixes: without the ending a name ends in `:live`, in `mark` or in an instance.
 */
export class Keys {
  readonly #prefix: string;
  readonly #channelEnd: string;

  /** @param prefix before every key and channel, for example `dynochat:`. */
  constructor(prefix: string, database = 0) {
    this.#prefix = prefix;
    this.#channelEnd = database === 0 ? "" : `@${database}`;
  }

  /** Stream: the room's stream. */
  log(room: string): string {
    return `${this.#prefix}{${room}}:${LOG}`;
  }

  /** Channel: entries and hints of a room. */
  channel(room: string): string {
    return `${this.#prefix}{${room}}:${this.channelName}`;
  }

  /** What a room's channel is named in the place of `log`, which its stream is. */
  get channelName(): string {
    return `live${this.#channelEnd}`;
  }

  /** Hash: what one person sent to a room last, by key, and their credit. */
  youngerKeys(room: string, user: string): string {
    return `${this.#prefix}{${room}}${YOUNGER}${user}`;
  }

  /** Hash: the generation of keys before that. */
  olderKeys(room: string, user: string): string {
    return `${this.#prefix}{${room}}${OLDER}${user}`;
  }

  /** Glob pattern: the younger hash of every guest in every room. Guests' ids begin with g, and nobody else's. */
  guestsKeys(): string {
    const prefix = this.#prefix.replaceAll(/[\\*?[\]^-]/g, "\\$&");
    return `${prefix}{*}${YOUNGER}g*`;
  }

  /** The older generation that belongs to a younger one. */
  olderOf(youngerKeys: string): string {
    const cut = youngerKeys.lastIndexOf(YOUNGER);
    return youngerKeys.slice(0, cut) + OLDER + youngerKeys.slice(cut + YOUNGER.length);
  }

  /** String: how much of their limit the guests of a room have used. */
  guests(room: string): string {
    return `${this.#prefix}{${room}}:guests`;
  }

  /** String: how much of their limit the guests of an address have used. Outside of any room's slot. */
  address(digest: string): string {
    return `${this.#prefix}address:${digest}`;
  }

  /** Hash: who has which handle in a room, by what a reader takes it for (handles.lua). */
  handles(room: string): string {
    return `${this.#prefix}{${room}}:handles`;
  }

  /** Hash: who is in a room, `<instance>:<user>` to handle. */
  who(room: string): string {
    return `${this.#prefix}{${room}}:who`;
  }

  /** Hash: where the guests in a room come from, `<instance>:<user>` to digest. Apart from `who`, whose values older versions show. */
  networks(room: string): string {
    return `${this.#prefix}{${room}}:networks`;
  }

  /** String: exists while the process lives. */
  lease(instance: string): string {
    return `${this.#prefix}lease:${instance}`;
  }

  /** String: a value that all processes share. */
  shared(name: string): string {
    return `${this.#prefix}shared:${name}`;
  }

  /** Channel: one process's proof that publishing reaches its own subscriber. */
  probe(instance: string): string {
    return `${this.#prefix}probe:${instance}${this.#channelEnd}`;
  }

  /** Channel that nobody hears: publishing to it is the write behind which `WAIT` looks. */
  mark(): string {
    return `${this.#prefix}mark${this.#channelEnd}`;
  }

  /** A name that no room can have, to try with what may be done with a room's keys and channel. */
  trial(): { readonly key: string; readonly channel: string } {
    return { key: this.log("-"), channel: this.channel("-") };
  }

  /** Sorted set: rooms by the time of their last message. */
  rooms(): string {
    return `${this.#prefix}rooms`;
  }

  /** Sorted set: rooms that guests made lately, by the time of their first message. */
  guestRooms(): string {
    return `${this.#prefix}rooms:guests`;
  }

  /** Hash: what the living processes say of themselves, by instance. */
  processes(): string {
    return `${this.#prefix}processes`;
  }

  /** String: the instance that trims histories. */
  housekeeper(): string {
    return `${this.#prefix}housekeeper`;
  }
}
