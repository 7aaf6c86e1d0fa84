/**
 * The contract between the chat core and the store of messages.
 * There are two implementations: `memory/` (one process, history is lost at exit) and `redis/` (many
 * processes). One suite of tests, test/contract, runs against both.
 */

import type { Person } from "../protocol/frames.ts";
import type { Right } from "../protocol/rights.ts";
import type { AccessChange, AccessStore } from "./access.ts";
import type { ReportStore } from "./message-reports.ts";

/** One stored entry of a room, as it is sent to a client of `dynochat.v1`. */
export interface Entry {
  /** Id `<ms>-<number>`, which gives the order and the time, and serves as cursor. */
  readonly id: string;
  /** Id of the entry before it in the room's stream when it was stored; `0-0` for the first. */
  readonly prev: string;
  /** The whole frame, UTF-8 JSON that begins with `{"id":"…","prev":"…",`. Never modified. */
  readonly frame: Buffer;
  /** The change of the room's access rules that the entry makes; only for processes, not in the frame. */
  readonly access?: AccessChange;
}

/** A handle that a user requests in a room. */
export interface RequestedHandle {
  readonly handle: string;
  /** One or two normalised forms; two handles with a common look are easily confused. */
  readonly looks: readonly string[];
  /**
   * The text to which a blank and a number are added if the handle is another user's; its looks are those of
   * the whole without the number.
   */
  readonly stem: { readonly handle: string; readonly looks: readonly string[] };
}

/** A user's request for a handle. */
export interface HandleClaim {
  readonly user: string;
  /**
   * Whether the user is a guest. A guest's handle goes to a user of the site, or to a program, that wants it;
   * else the first user keeps it.
   */
  readonly isGuest: boolean;
  readonly requested: RequestedHandle;
}

/** A user who has left a room, and the handle that they had. */
export type LeftHandle = Omit<HandleClaim, "isGuest">;

/** A message to be stored. */
export interface Append {
  readonly room: string;
  /** The user whose rate and keys it counts for. */
  readonly user: string;
  /**
   * Set if the user is a guest. Guests can be made without end, so they are also counted by network.
   * `network` is not stored, only a digest of it, for at most a minute.
   */
  readonly guest?: {
    readonly network: string;
    /** The subject of the network's access rule; undefined while no secret is known. */
    readonly subject?: string | undefined;
  };
  /**
   * Set if the user is a user of the site or a program whose new rooms and bytes are limited. Default: they
   * are not.
   */
  readonly account?: "site" | "program";
  /** Whether the user may moderate: rules that do not bind moderators do not hold. Default: false. */
  readonly mayModerate?: boolean;
  /**
   * The handle in `body`, as `,"handle":"…","text":"`. If it is another user's, the message is stored with
   * the stem and a number. Undefined: the handle is not checked.
   */
  readonly requested?: RequestedHandle;
  /**
   * Idempotency key, remembered for 10 minutes or the user's last 128 messages in the room; undefined for
   * none. When the store is nearly full, a guest who began to write there within 10 minutes is remembered for
   * 1 minute after their last message.
   */
  readonly key: string | undefined;
  /**
   * The frame without its first two members: `"type":"message",…}`, JSON text. The store prepends
   * `{"id":"…","prev":"…",`, which makes the frame.
   */
  readonly body: string;
  /**
   * Milliseconds since its sender sent it; they reduce the time in which it may be stored and must be
   * answered. Default 0.
   */
  readonly waitedMs?: number;
}

/**
 * The rate that a message exceeded: of one user in a room, of all guests of an address, or of all guests of a
 * room.
 */
export type MessageLimit = (typeof MESSAGE_LIMITS)[number];

const MESSAGE_LIMITS = ["user", "address", "room"] as const;

export function isMessageLimit(value: unknown): value is MessageLimit {
  return MESSAGE_LIMITS.some((limit) => limit === value);
}

/**
 * The limit of what guests of one address create (rooms, remembered senders, bytes), or one user of the site
 * or program (rooms, bytes).
 */
export type QuotaLimit = "new-rooms" | "new-writers" | "address-bytes" | "user-new-rooms" | "user-bytes";

/** What is refused before all space is used: a room's first message, a guest's first message in a room. */
export type SpaceLimit = "memory-rooms" | "memory-writers";

/** The outcome of an append. */
export type Appended =
  | {
      readonly outcome: "stored";
      readonly id: string;
      /** The stored handle, if it is not the one of the body. */
      readonly handle?: string;
    }
  /** The same key of that user was stored in the room before; `id` is that of the first message. */
  | { readonly outcome: "duplicate"; readonly id: string }
  /** Nothing was stored: an access rule of the room says that the user may do only this. */
  | { readonly outcome: "forbidden"; readonly right: Right }
  /** Nothing was stored. */
  | {
      readonly outcome: "rate-limited";
      readonly limit: MessageLimit | QuotaLimit;
      readonly retryAfterMs: number;
    }
  /**
   * Nothing was stored: the store is out of space or, with `limit`, the rest of it is kept for other
   * messages.
   */
  | { readonly outcome: "storage-full"; readonly limit?: SpaceLimit }
  /**
   * It is unknown whether it was stored, because the answer may have been lost; it is never stored later than
   * `LIMITS.unavailableMs` after the call. A retry with the same key finds out.
   */
  | { readonly outcome: "unavailable" };

/** Limits of a read; the first that is reached ends it. */
export interface ReadLimit {
  /** Entries, at least 1. */
  readonly entries: number;
  /** Bytes of frames; one entry is always returned, however large. */
  readonly bytes: number;
}

/**
 * The state of the store:
 * - `connecting`: not connected yet, or trying again after `down`;
 * - `subscribing`: connected; the subscriptions of all rooms are being made;
 * - `catching-up`: subscribed; rooms read the entries that they missed;
 * - `live`: everything works, in both directions;
 * - `down`: the connection was just lost;
 * - `closed`: `close()` was called; final.
 */
export type StoreState = "connecting" | "subscribing" | "catching-up" | "live" | "down" | "closed";

export interface StoreStatus {
  readonly state: StoreState;
  /** A short reason of the state. Never contains a URL or a password. */
  readonly reason: string;
  /**
   * In state `down`: the store was never live, and cannot be until the operator configures another server.
   */
  readonly unusable?: true;
}

/** A user of a room, in the form that processes exchange. */
export interface RoomUser extends Person {
  /**
   * A short digest of a guest's network, the same on all processes, which only they can make. Never sent to
   * clients. Undefined if the user is no guest, or was reported by a process of an older version.
   */
  readonly network?: string | undefined;
}

/** A user of a room, and the processes on which they are connected. */
export interface PresenceSnapshot extends RoomUser {
  readonly instances: readonly string[];
}

/** A room that has messages, and the id of the newest one. */
export interface RoomHead {
  readonly room: string;
  readonly head: string;
}

/** The listener of the store. Its methods are called on the event loop, and must not throw. */
export interface StoreListener {
  /**
   * Called in state `catching-up`, when the subscriptions are in place again after a loss: publications
   * meanwhile were missed. The store turns `live` when the promise fulfils, and starts again when it rejects.
   */
  catchUp(): Promise<void>;
  statusChanged(status: StoreStatus): void;
}

/** The subscriber of one room. Its methods are called on the event loop, and must not throw. */
export interface RoomSubscriber {
  /**
   * Called with a publication on the room's channel: the frame of an entry (`{"id":"…`) that this store's own
   * script stored and published, or an unchecked ephemeral event (`{"type":"…`). Publications may be lost or
   * duplicated, and events malformed.
   * @param access as `Entry.access`.
   */
  onPublication(payload: Buffer, access?: AccessChange): void;
  /**
   * Called with the id of a published entry that is not proven to be published by this store's script: it may
   * come from a process of an older version, from one that has another secret for a moment, or from any other
   * client that may publish. Only a read tells whether the entry is stored.
   */
  onUnverified(id: string): void;
}

/** Thrown when the store did not answer a call in time; its effect is unknown. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

export interface MessageStore extends AccessStore, ReportStore {
  /** The kind of the store: `embedded` in the memory of the process, or `redis`. */
  readonly kind: "embedded" | "redis";
  /** Name of this process in presence events; random, new at every start. */
  readonly instance: string;
  readonly status: StoreStatus;
  /** What the operator should change about the store, one sentence each; it works nevertheless. */
  readonly warnings: readonly string[];

  /**
   * Starts the store and returns at once: an unreachable server is a state, not an error. To be called once,
   * before anything else.
   */
  start(listener: StoreListener): void;

  /**
   * Stores one message and publishes it to all subscribers, atomically, in this order: check the deadline,
   * the key, the rates, the handle and the access rules, store it and trim the history, remember the key,
   * publish. Appends of one user to one room take effect in call order, awaited or not; if that is not
   * possible, the earlier one is `unavailable`. Never rejects; answers within `LIMITS.unavailableMs`. If the
   * store is not live: `unavailable` at once.
   */
  append(message: Append): Promise<Appended>;

  /**
   * Milliseconds since 1970 UTC by the store's clock, as well as this process knows it; 0 before the store
   * was first live.
   */
  now(): number;

  /**
   * Returns the entries from `from` on, including `from` itself if it is still stored, oldest first. `0-0`
   * means from the oldest. Rejects with StoreUnavailable.
   */
  readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]>;

  /**
   * Returns the newest entries before `before` (exclusive; undefined = the newest of all), oldest first.
   * Rejects with StoreUnavailable.
   */
  readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]>;

  /**
   * Returns the newest id of each room, in the order of `rooms`, `0-0` for an empty stream. Rejects with
   * StoreUnavailable.
   */
  heads(rooms: readonly string[]): Promise<string[]>;

  /**
   * Returns at most `count` rooms that have messages, in the order of their newest message, newest first. A
   * room that is new, or had no messages for some seconds, may be missing for 200 ms after another process
   * has stored its message. If more than `count` rooms get messages within 10 s, one of them may be missing
   * in favour of another. Rejects with StoreUnavailable.
   */
  recentRooms(count: number): Promise<RoomHead[]>;

  /**
   * Subscribes a room: after the promise fulfils, `subscriber` gets everything that is published to it. Kept
   * when the connection is lost, until `unsubscribe`; a second subscriber of a room replaces the first.
   * Rejects with StoreUnavailable; the room is then not subscribed.
   */
  subscribe(room: string, subscriber: RoomSubscriber): Promise<void>;
  /** Unsubscribes a room. Never rejects: without a connection there is nothing to unsubscribe. */
  unsubscribe(room: string): Promise<void>;

  /** Publishes an ephemeral event, such as typing; silently dropped if the store is unreachable. */
  publishEphemeral(room: string, payload: Buffer): void;

  /**
   * Records that a user is in the room on this process; `exit`, that the user no longer is. Published to all
   * subscribers as an ephemeral event (ephemeral.ts), and kept under this process's lease, which is refreshed
   * every 15 s and expires 40 s after the process dies. Calls within 100 ms may be published together; for
   * one user the last one counts. Never rejects; what was lost while the store was unreachable is repaired by
   * `syncPresence`.
   */
  enter(room: string, user: RoomUser): Promise<void>;
  exit(room: string, user: string): Promise<void>;

  /**
   * Returns the users in the room over all processes with a valid lease, each user once. `here` are the users
   * on this process: the store's record of them is corrected first, and what ended processes left is removed.
   * Rejects with StoreUnavailable.
   */
  syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]>;

  /**
   * Claims the handles of users in a room, as `Append.requested` does; returns the handles in the order of
   * the claims. A claim expires a minute after it was last made here or by a message. `left`: users whose
   * claims end now, unless they are in the room on another process. Rejects with StoreUnavailable.
   */
  settleHandles(
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]>;

  /**
   * Returns a value that all processes share: the stored one, or `proposal` if there was none. Rejects with
   * StoreUnavailable.
   */
  shared(name: string, proposal: string): Promise<string>;

  /**
   * Milliseconds since the last proof that what goes to the store comes back to this process; 0 if the store
   * is in this process, undefined if there was no proof since the last loss.
   */
  readonly roundTripAgeMs: number | undefined;

  /**
   * Stores the report of this process for all processes: a text that replaces the one before, and expires
   * after 20 s or when the store is closed. Never rejects; silently dropped if the store is unreachable.
   */
  reportProcess(text: string): Promise<void>;

  /**
   * Returns the reports of the running processes, this one included, in no order. Rejects with
   * StoreUnavailable.
   */
  processReports(): Promise<string[]>;

  /**
   * Makes the stored data need a feature (features.ts) from now on: a process that does not know it no longer
   * serves. To be called before anything is stored that needs it. Rejects with StoreUnavailable, also while a
   * running process does not know the feature.
   */
  require(feature: string): Promise<void>;

  /** Gives up the lease and closes all connections. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** The limits that both implementations enforce. */
export interface StoreLimits {
  /** Messages kept per room; up to 200 more may remain. */
  readonly historyMessages: number;
  readonly historyDays: number;
  /** Bytes of frames kept per room, plus or minus a few messages. */
  readonly historyBytes: number;
  /** Messages per second, user and room over all processes; 0 = no limit. */
  readonly messagesPerSecond: number;
  /**
   * Messages that may come at once. A guest who is not remembered in the room begins with `NEW_GUEST_BURST`
   * at most.
   */
  readonly messageBurst: number;
  /**
   * Messages per second of all guests of one address over all rooms and processes; 0 = no limit. The burst is
   * that of 5 s.
   */
  readonly addressMessagesPerSecond: number;
  /**
   * Messages per second of all guests of one room over all processes; 0 = no limit. The burst is that of 5 s.
   */
  readonly roomGuestMessagesPerSecond: number;
  /**
   * New rooms per hour, of the guests of one address; five times as many at once. 0 = no limit, the default.
   */
  readonly newRoomsPerAddress?: number;
  /**
   * First messages in a room per minute, of the guests of one address; five times as many at once. 0 = no
   * limit, the default.
   */
  readonly newWritersPerAddress?: number;
  /**
   * Bytes of messages per second, of the guests of one address; 60 times as many at once. 0 = no limit, the
   * default.
   */
  readonly addressBytesPerSecond?: number;
  /** New rooms per hour of one user of the site; twice as many at once. 0 = no limit, the default. */
  readonly newRoomsPerUser?: number;
  /**
   * Bytes of messages per second of one user of the site; 60 times as many at once. 0 = no limit, the
   * default.
   */
  readonly userBytesPerSecond?: number;
  /** How many times as much as one user of the site one program may create. Default: 1. */
  readonly programFactor?: number;
}
