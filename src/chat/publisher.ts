import type { Logger } from "../logging/logger.ts";
import type { Right } from "../protocol/rights.ts";
import { networkSubject } from "../store/access.ts";
import type { MessageStore } from "../store/store.ts";
import { type Counters, countOne } from "./counters.ts";
import { type NotStored, notStored, type RateLimit } from "./errors.ts";
import type { Identity, UserKind } from "./identity.ts";
import type { LimitName } from "./limits/limit-names.ts";
import type { RateLimiter } from "./limits/rate.ts";
import { failure, type Result, success } from "./result.ts";
import type { NetworkDigest } from "./rights/visitor.ts";
import type { Room } from "./room/room.ts";
import { requestedHandle } from "./text/look-alike.ts";

/** A message to be stored; every field is already checked. */
export interface PublishRequest {
  readonly room: string;
  /** The room, if it is open in this process. */
  readonly here: Room | undefined;
  readonly sender: Identity;
  /** The sender's right without the room's access rules, which the store checks. */
  readonly base: Right;
  /** The handle that the message is to carry: the sender's own, or with the suffix that the room gave it. */
  readonly handle: string;
  /** As `Connection.network`. */
  readonly network: string;
  readonly text: string;
  /**
   * Key by which the store finds duplicates; undefined = the client has none (the plain protocol), and none
   * are found.
   */
  readonly key: string | undefined;
  /** The id of the connection it came by, for the log line. */
  readonly connection: string;
  /** When it arrived, as performance.now() tells it. */
  readonly arrivedAt: number;
}

/** A message that is stored. */
export interface Published {
  readonly id: string;
  /** Whether its key was stored before; then `id` is that of the stored message. */
  readonly duplicate: boolean;
  /** The handle that it was stored with; of a duplicate the one that was wanted this time. */
  readonly handle: string;
}

type RateLimited = Extract<NotStored, { readonly outcome: "rate-limited" }>;

const LIMITED: Readonly<Record<RateLimit, LimitName>> = {
  user: "user-messages",
  "all-rooms": "user-all-messages",
  "user-new-rooms": "user-new-rooms",
  "user-bytes": "user-bytes",
  address: "address-messages",
  room: "room-messages",
  "new-rooms": "new-rooms",
  "new-writers": "new-writers",
  "address-bytes": "address-bytes",
};

/**
 * Rate limits that this process applies by itself, so that a flood of messages that the store would reject
 * does not reach the store: by kind of user, those of one user over all rooms.
 */
export interface PublishRates extends Readonly<Record<UserKind, RateLimiter>> {
  /** Attempts of guests of one network to store a message. */
  readonly networks: RateLimiter;
}

/**
 * Publishes messages: puts them into the store. Broadcasts nothing: what is stored comes back on the room's
 * channel.
 */
export class Publisher {
  readonly #store: MessageStore;
  readonly #rates: PublishRates;
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #networkDigest: NetworkDigest;

  constructor(
    store: MessageStore,
    rates: PublishRates,
    logger: Logger,
    counters: Counters,
    networkDigest: NetworkDigest,
  ) {
    this.#networkDigest = networkDigest;
    this.#store = store;
    this.#rates = rates;
    this.#logger = logger;
    this.#counters = counters;
  }

  /**
   * Stores one message; fails with `rate-limited`, `storage-full` or `unavailable`, see
   * `MessageStore.append`. Never rejects.
   */
  async publish(post: PublishRequest): Promise<Result<Published>> {
    const { room, here, sender, network, text, key, connection, arrivedAt } = post;
    const { user, kind } = sender;
    const isGuest = kind === "guest";
    const now = performance.now();
    const refused = this.#refusalHere(post, now);
    if (refused !== undefined) return this.#refuse(refused, room);
    const suffixed = isGuest ? here?.presence.nameFor({ user, handle: post.handle }) : undefined;
    const wanted = suffixed ?? post.handle;
    // Without `{`: the store adds it, with id and prev after it. `text` follows `handle`, which the store
    // finds by that (`Append.requested`).
    const body = JSON.stringify({ type: "message", room, user, handle: wanted, text, key }).slice(1);
    const appended = await this.#store.append({
      room,
      user,
      ...(isGuest ? { guest: { network, subject: this.#subjectOf(network) } } : { account: kind }),
      ...(post.base === "moderate" ? { mayModerate: true } : {}),
      requested: requestedHandle(wanted),
      key,
      body,
      waitedMs: now - arrivedAt,
    });
    if (appended.outcome !== "stored" && appended.outcome !== "duplicate")
      return this.#refuse(appended, room);
    this.#counters.acks.observe(performance.now() - arrivedAt);
    const { id } = appended;
    if (appended.outcome === "duplicate") {
      this.#counters.duplicates += 1;
      return success({ id, duplicate: true, handle: wanted });
    }
    this.#counters.messages += 1;
    if (appended.handle !== undefined) here?.presence.onHandleSettled(user, wanted, appended.handle);
    here?.stream.expect(id);
    const fields = { event: "message", connection, room, id, bytes: body.length };
    this.#logger.info(fields, "message stored");
    return success({ id, duplicate: false, handle: appended.handle ?? wanted });
  }

  #subjectOf(network: string): string | undefined {
    const digest = this.#networkDigest(network);
    return digest === undefined ? undefined : networkSubject(digest);
  }

  #refusalHere({ sender, network }: PublishRequest, now: number): RateLimited | undefined {
    const userMs = this.#rates[sender.kind].take(sender.user, now);
    if (userMs > 0) {
      const limit = sender.kind === "guest" ? "user" : "all-rooms";
      return { outcome: "rate-limited", limit, retryAfterMs: userMs };
    }
    const networkMs = sender.kind === "guest" ? this.#rates.networks.take(network, now) : 0;
    if (networkMs > 0) return { outcome: "rate-limited", limit: "address", retryAfterMs: networkMs };
    return undefined;
  }

  #refuse(appended: NotStored, room: string): Result<never> {
    const limit = limitOf(appended);
    if (limit !== undefined) countOne(this.#counters.limited, limit);
    return failure(notStored(appended, room));
  }
}

/** Returns the limit that rejected a message; undefined if none did. */
function limitOf(appended: NotStored): LimitName | undefined {
  if (appended.outcome === "rate-limited") return LIMITED[appended.limit];
  return appended.outcome === "storage-full" ? appended.limit : undefined;
}
