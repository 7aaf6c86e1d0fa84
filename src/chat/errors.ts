import { ERRORS } from "../protocol/codes.ts";
import type { ErrorFrame } from "../protocol/frames.ts";
import type { Appended, MessageLimit, QuotaLimit, SpaceLimit } from "../store/store.ts";
import type { ErrorReply } from "./result.ts";
import { refusalOf } from "./rights/visitor.ts";

/** Returns the error frame of a reply; it has `ref` and `retryAfterMs` only if the reply has. */
export function errorFrame({ code, message, ref, retryAfterMs }: ErrorReply): ErrorFrame {
  return {
    type: "error",
    ...(ref === undefined ? {} : { ref }),
    code,
    message,
    retryable: ERRORS[code].retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The answer to a request that needs the store, while the store cannot be reached. */
export const STORE_AWAY: ErrorReply = {
  code: "unavailable",
  message: "The chat cannot reach its storage; try again.",
};

/** A message that this process did not pass on to the store. */
interface NotPassedOn {
  readonly outcome: "rate-limited";
  /** One user's messages over all rooms. */
  readonly limit: "all-rooms";
  readonly retryAfterMs: number;
}

/** The result of an append that stored nothing, or of which it is not known whether it did. */
export type NotStored = Exclude<Appended, { readonly id: string }> | NotPassedOn;

/** What rejects a message as `rate-limited`. */
export type RateLimit = MessageLimit | QuotaLimit | NotPassedOn["limit"];

const FULL: Readonly<Record<SpaceLimit | "memory", string>> = {
  memory: "The chat's storage is full; nothing was stored.",
  "memory-rooms":
    "The chat's storage is nearly full: no new room can be made now, and nothing was stored; others go on.",
  "memory-writers":
    "The chat's storage is nearly full: for now only guests who wrote in this room lately can write; nothing was stored.",
};

/**
 * Pause before a client tries again to open a room, ms: a room stays open for 10 s after its last member
 * left.
 */
const ROOMS_FULL_MS = 10_000;

/** Returns the error reply for a message that was not stored. */
export function notStored(appended: NotStored, room: string): ErrorReply {
  switch (appended.outcome) {
    case "forbidden":
      return refusalOf(appended.right, "write", room);
    case "rate-limited":
      return overLimit(appended);
    case "storage-full":
      return { code: "storage-full", message: FULL[appended.limit ?? "memory"] };
    case "unavailable":
      return {
        code: "unavailable",
        message: "The chat cannot reach its storage; try again with the same key.",
      };
  }
}

/** The sentence that a sender is told, by limit. */
const SENTENCES: Readonly<Record<RateLimit, string>> = {
  user: "You are sending faster than this chat allows.",
  "all-rooms": "You are sending more messages over all rooms than this chat allows.",
  "user-new-rooms": "You have made too many new rooms; use one that has messages, or try again later.",
  "user-bytes": "You are sending more text than this chat allows; try again later.",
  address: "This address is sending more messages of guests than this chat allows.",
  room: "This room is getting more messages of guests than this chat allows.",
  "new-rooms":
    "Too many new rooms were made from your address; use one that has messages, or try again later.",
  "new-writers": "Too many new guests write from your address; try again later.",
  "address-bytes": "The guests of your address send more than this chat allows; try again later.",
};

/** Limits that no senders share. */
const OF_ONE_USER: ReadonlySet<RateLimit> = new Set(["user", "all-rooms", "user-new-rooms", "user-bytes"]);

/**
 * Least time over which the retries of senders that share a limit are spread, ms: all of them are rejected at
 * once.
 */
const SPREAD_MS = 1_000;

export function tooFast(retryAfterMs: number): ErrorReply {
  return { code: "rate-limited", message: SENTENCES.user, retryAfterMs };
}

function overLimit({ limit, retryAfterMs }: Extract<NotStored, { outcome: "rate-limited" }>): ErrorReply {
  if (OF_ONE_USER.has(limit)) return { code: "rate-limited", message: SENTENCES[limit], retryAfterMs };
  const spread = Math.floor(Math.random() * (SPREAD_MS + retryAfterMs));
  return { code: "rate-limited", message: SENTENCES[limit], retryAfterMs: retryAfterMs + spread };
}

/** Pause before a client retries a request for whose answer there was no space, ms. */
const CROWDED_MS = 1_000;

/** Returns the error reply to a request for whose answer there was no space. */
export function tooManyAnswers(ref?: number): ErrorReply {
  const message = "Too many answers wait to be read here; try again.";
  return { code: "rate-limited", message, retryAfterMs: CROWDED_MS, ...(ref === undefined ? {} : { ref }) };
}

/** Who has as many rooms open as allowed, in the sentence that the client is told. */
const TOO_MANY_ROOMS = {
  "address-rooms": "Too many rooms are open from your address; leave one, or try again later.",
  "user-rooms": "You have too many rooms open; leave one, or try again later.",
} as const;

/** Returns the error reply to a client whose address, or whose user, has as many rooms open as it may. */
export function tooManyRooms(limit: keyof typeof TOO_MANY_ROOMS, ref?: number): ErrorReply {
  return {
    code: "rate-limited",
    message: TOO_MANY_ROOMS[limit],
    retryAfterMs: ROOMS_FULL_MS,
    ...(ref === undefined ? {} : { ref }),
  };
}

/** Pause before a user with too many connections may open another one, ms. */
const CONNECTIONS_FULL_MS = 5_000;

/** Returns the error reply to a user who has as many connections as allowed. */
export function tooManyConnections(): ErrorReply {
  const message = "You have too many connections open; close one, or try again later.";
  return { code: "rate-limited", message, retryAfterMs: CONNECTIONS_FULL_MS };
}

export const BAD_ROOM = "A room's name is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit.";
