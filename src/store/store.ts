/**
 * The contract between the chat core and the place where messages live.
 *
 * Two implementations stand beside this file: `memory.ts` (one process, history lost at exit) and
 * `redis/` (many processes). One suite of tests, test/contract, runs against both.
 */

import type { Person } from "../protocol/frames.ts";

/** One stored entry of a room, as it is sent to a client of `dynochat.v1`. */
export interface Entry {
  /** The order, the time, the cursor: `<ms>-<number>`. */
  readonly id: string;
  /** The id of the entry before it in that room's stream when it was stored; `0-0` for the first. */
  readonly prev: string;
  /** The whole frame, UTF-8 JSON that begins `{"id":"…","prev":"…",`. Never changed by anyone. */
  readonly frame: Buffer;
}

/** A handle that a user wants in a room. */
export interface RequestedHandle {
  readonly handle: string;
  /** What a reader takes it for: two handles that have one of these in common are easily taken for each other. One or two. */
  readonly looks: readonly string[];
  /** Where the handle is another's, a blank and a number follow this; its looks are those of the whole without the number. */
  readonly stem: { readonly handle: string; readonly looks: readonly string[] };
}

/** Who wants it. */
export interface HandleClaim {
  readonly user: string;
  /** A guest's handle goes to a user of the site, or to a program, that wants it; else the first one has it. */
  readonly isGuest: boolean;
  readonly requested: RequestedHandle;
}

/** A user who no longer is in a room, and the handle that they had. */
export type LeftHandle = Omit<HandleClaim, "isGuest">;

/** What a sender wants stored. */
export interface Append {
  readonly room: string;
  /** Whose rate and whose keys it counts for. */
  readonly user: string;
  /**
   * Set where the user is a guest: anybody makes as many of these as they like, so what counts is where they come from. `network` is
   * not stored, only a digest of it, for at most a minute.
   */
  readonly guest?: { readonly network: string };
  /**
   * The handle that `body` has, as `,"handle":"…","text":"`. Where it is another user's, the message is stored with the stem and a
   * number. Undefined: nobody looks whose it is.
   */
  readonly requested?: RequestedHandle;
  /**
   * Remembered for 10 minutes or the user's last 128 messages in the room; without it nothing is. When the store is nearly full, a guest
   * who began to write there within 10 minutes is remembered for 1 minute after their last message.
   */
  readonly key: string | undefined;
  /**
   * The frame without its first two members: `"type":"message",…}`, JSON text. The store puts
   * `{"id":"…","prev":"…",` before it, so one concatenation makes the frame everywhere.
   */
  readonly body: string;
  /**
   * How long it has waited since its sender sent it, ms; comes off the time in which it may be stored and
   * must be answered. Default 0.
   */
  readonly waitedMs?: number;
}

/** What a message was too much for: what one user may store in a room, all guests of an address, or all guests of a room. */
export type MessageLimit = (typeof MESSAGE_LIMITS)[number];

const MESSAGE_LIMITS = ["user", "address", "room"] as const;

export function isMessageLimit(value: unknown): value is MessageLimit {
  return MESSAGE_LIMITS.some((limit) => limit === value);
}

/** Limits of what the guests of one address make: rooms, remembered senders, bytes. */
export type QuotaLimit = "new-rooms" | "new-writers" | "address-bytes";

/** What is refused before the space is used up: a room's first message, a guest's first message in a room. */
export type SpaceLimit = "memory-rooms" | "memory-writers";

/** What became of it. */
export type Appended =
  | {
      readonly outcome: "stored";
      readonly id: string;
      /** Where it is not the one of the body: the handle that was stored. */
      readonly handle?: string;
    }
  /** That (room, user, key) was stored before; `id` is the first one's. */
  | { readonly outcome: "duplicate"; readonly id: string }
  /** Nothing was stored. */
  | {
      readonly outcome: "rate-limited";
      readonly limit: MessageLimit | QuotaLimit;
      readonly retryAfterMs: number;
    }
  /** Nothing was stored: the store is out of space or, with `limit`, what is left of it is kept for other messages. */
  | { readonly outcome: "storage-full"; readonly limit?: SpaceLimit }
  /**
   * Not known to be stored (the answer may have been lost), and never stored later than
   * `LIMITS.unavailableMs` after the call. The same key settles it.
   */
  | { readonly outcome: "unavailable" };

/** How much of a room a read may bring; whichever ends first. */
export interface ReadLimit {
  /** Entries, at least 1. */
  readonly entries: number;
  /** Bytes of frames; one entry always comes, however large. */
  readonly bytes: number;
}

/**
 * Where the store is on its way to being usable:
 * - `connecting`: not reached yet, or trying again after `down`;
 * - `subscribing`: reached; the subscriptions of all rooms are being made and awaited;
 * - `catching-up`: subscribed; rooms read what they missed;
 * - `live`: everything works, both ways;
 * - `down`: a loss was just noticed;
 * - `closed`: `close()` was called; final.
 */
export type StoreState = "connecting" | "subscribing" | "catching-up" | "live" | "down" | "closed";

export interface StoreStatus {
  readonly state: StoreState;
  /** A few words for people: why it is so. Never contains a URL or a password. */
  readonly reason: string;
  /** In state `down`: it was never live, and will not be before somebody gives it another server. */
  readonly unusable?: true;
}

/** One user of a room, as processes tell each other. */
export interface RoomUser extends Person {
  /**
   * Where a guest comes from: a short digest of their network, the same on all processes, which only they can make. Never told to
   * clients. Undefined = not a guest, or told by a process of a version before this one.
   */
  readonly network?: string | undefined;
}

/** One user of a room, and the processes that have them. */
export interface PresenceSnapshot extends RoomUser {
  readonly instances: readonly string[];
}

/** A room that has messages, and the id of its newest. */
export interface RoomHead {
  readonly room: string;
  readonly head: string;
}

/** What the store tells the process that uses it. All are called on the event loop, none may throw. */
export interface StoreListener {
  /**
   * The subscriptions are in place again after a loss: whatever was published meanwhile was missed.
   * Called in state `catching-up`; the store turns `live` when the promise fulfils, and starts over
   * when it rejects.
   */
  catchUp(): Promise<void>;
  statusChanged(status: StoreStatus): void;
}

/** Gets what is published in one room. Both are called on the event loop, neither may throw. */
export interface RoomSubscriber {
  /**
   * Receives the frame of an entry (`{"id":"…`) that this store's own script stored and published, or an ephemeral event
   * (`{"type":"…`), which is unchecked. Either may be missing or doubled; an event may also be malformed.
   */
  onPublication(payload: Buffer): void;
  /**
   * Receives the id of a publication that looks like an entry and is not known to be this store's script's: an older version, a process
   * that has another secret for a moment, or anything else that may publish sent it. Only a read tells whether the entry is stored.
   */
  onUnverified(id: string): void;
}

/** A call that needs the store could not be answered in time; nothing is known about its effect. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

export interface MessageStore {
  /** A few words for the start's log line: "embedded, history is lost at exit", "redis". */
  readonly kind: "embedded" | "redis";
  /** This process, as presence hints name it: random, new at every start. */
  readonly instance: string;
  readonly status: StoreStatus;
  /** What its operator should change about the place where messages live, a sentence each; it works all the same. */
  readonly warnings: readonly string[];

  /**
   * Begins. Returns at once: an unreachable server is a state, not an error. Called once, before
   * anything else.
   */
  start(listener: StoreListener): void;

  /**
   * Stores one message and publishes it to all subscribers, atomically; in this order: too late?
   * key seen? too fast? whose handle? store (bounded), remember the key, publish. Appends of one user to one room take
   * effect in call order, awaited or not; where that cannot be kept, the earlier one is `unavailable`.
   * Never rejects; answers within `LIMITS.unavailableMs`. Without the store: `unavailable` at once.
   */
  append(message: Append): Promise<Appended>;

  /**
   * The entries from `from` on, `from` itself included if it is still there, oldest first.
   * `0-0` = from the oldest. Rejects with StoreUnavailable.
   */
  readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]>;

  /**
   * The newest entries before `before` (exclusive; undefined = the newest of all), oldest first.
   * Rejects with StoreUnavailable.
   */
  readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]>;

  /** The newest id of each room, in the order asked, `0-0` for an empty stream. Rejects with StoreUnavailable. */
  heads(rooms: readonly string[]): Promise<string[]>;

  /**
   * The rooms that have messages, the one spoken in last first, `count` at most. A room that is new, or was quiet for some seconds, may be
   * missing for 200 ms after another process stored its message. Where more than `count` rooms are spoken in within 10 s, one
   * of them may stand for another. Rejects with StoreUnavailable.
   */
  recentRooms(count: number): Promise<RoomHead[]>;

  /**
   * Passes everything that is published in a room to `subscriber`, at the latest from when the promise fulfils. Kept through losses of
   * the connection until `unsubscribe`; a second subscriber of the room replaces the first. Rejects with StoreUnavailable; the
   * room is then not subscribed.
   */
  subscribe(room: string, subscriber: RoomSubscriber): Promise<void>;
  /** Ends it. Never rejects: without a connection there is nothing to end. */
  unsubscribe(room: string): Promise<void>;

  /** Publishes bytes that are not stored (typing); lost without a word when the store is away. */
  hint(room: string, payload: Buffer): void;

  /**
   * This process has (with `enter`) or no longer has (with `exit`) that person in the room. Told to all
   * subscribers as a hint (presence-hint.ts), and kept under this process's lease: refreshed every 15 s,
   * ended 40 s after the process dies. Calls within 100 ms may be told together, of those for one person the last.
   * Never rejects; what was lost while the store was away is repaired by `syncPresence`.
   */
  enter(room: string, user: RoomUser): Promise<void>;
  exit(room: string, user: string): Promise<void>;

  /**
   * Everyone in the room over all processes whose lease holds, each person once. `here` is what this
   * process has: the store's own record of it is put right first, and what dead processes left is removed.
   * Rejects with StoreUnavailable.
   */
  syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]>;

  /**
   * Gives people who are in a room their handles there, as `Append.requested` does; returns them in the order asked. A claim ends a
   * minute after it was last made here or by a message. `left`: whose claims end now, unless another process has the user in the room.
   * Rejects with StoreUnavailable.
   */
  settleHandles(
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]>;

  /**
   * A value that all processes share: the stored one, or `proposal` if there was none.
   * Rejects with StoreUnavailable.
   */
  shared(name: string, proposal: string): Promise<string>;

  /**
   * How long ago it was last shown that what goes to the store comes back to this process, ms; 0 where it never left the
   * process, undefined where it has not been shown since the last loss.
   */
  readonly roundTripAgeMs: number | undefined;

  /**
   * Tells all processes how this one is: a text that takes the place of the one before, and is forgotten 20 s later or when
   * the store is closed. Never rejects; lost without a word when the store is away.
   */
  report(text: string): Promise<void>;

  /** What the living processes reported, this one included, in no order. Rejects with StoreUnavailable. */
  reports(): Promise<string[]>;

  /** Gives up the lease, closes all connections. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** What both implementations are told to keep to. */
export interface StoreLimits {
  /** Messages kept per room; up to 200 more may be. */
  readonly historyMessages: number;
  readonly historyDays: number;
  /** Bytes of frames kept per room, give or take a few messages. */
  readonly historyBytes: number;
  /** Per person and room over all processes; 0 = no limit. */
  readonly messagesPerSecond: number;
  /** A guest of whom nothing is known in the room begins with `NEW_GUEST_BURST` at most. */
  readonly messageBurst: number;
  /** Guests of one address over all rooms and processes; 0 = no limit. The burst is that of 5 s. */
  readonly addressMessagesPerSecond: number;
  /** All guests of one room together, over all processes; 0 = no limit. The burst is that of 5 s. */
  readonly roomGuestMessagesPerSecond: number;
  /** New rooms per hour, of the guests of one address; five times as many at once. 0 = no limit, the default. */
  readonly newRoomsPerAddress?: number;
  /** First messages in a room per minute, of the guests of one address; five times as many at once. 0 = no limit, the default. */
  readonly newWritersPerAddress?: number;
  /** Bytes of messages per second, of the guests of one address; 60 times as many at once. 0 = no limit, the default. */
  readonly addressBytesPerSecond?: number;
}
