import type { Appended, MessageLimit } from "../log/log.ts";
import { ERRORS, type ErrorFrame } from "../protocol.ts";
import type { ErrorReply } from "./result.ts";

/** Returns the error frame of a reply; it has `ref` and `retryAfterMs` only where the reply has. */
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

/** An append that stored nothing, or is not known to have. */
export type NotStored = Exclude<Appended, { readonly id: string }>;

/** What the sender is told about it. */
export function notStored(appended: NotStored): ErrorReply {
  switch (appended.outcome) {
    case "rate-limited":
      return overLimit(appended);
    case "storage-full":
      return { code: "storage-full", message: "The chat's storage is full; nothing was stored." };
    case "unavailable":
      return {
        code: "unavailable",
        message: "The chat cannot reach its storage; try again with the same key.",
      };
  }
}

/** What a sender is told of each limit. */
const SENTENCES: Readonly<Record<MessageLimit, string>> = {
  user: "You are sending faster than this chat allows.",
  address: "This address is sending more messages of guests than this chat allows.",
  room: "This room is getting more messages of guests than this chat allows.",
};

/** Milliseconds, at least, over which the senders that share a limit are spread: all of them are refused at once. */
const SPREAD_MS = 1_000;

export function tooFast(retryAfterMs: number): ErrorReply {
  return { code: "rate-limited", message: SENTENCES.user, retryAfterMs };
}

function overLimit({ limit, retryAfterMs }: Extract<NotStored, { outcome: "rate-limited" }>): ErrorReply {
  if (limit === "user") return tooFast(retryAfterMs);
  const spread = Math.floor(Math.random() * (SPREAD_MS + retryAfterMs));
  return { code: "rate-limited", message: SENTENCES[limit], retryAfterMs: retryAfterMs + spread };
}

/** A pause after which a request whose answer found no space may be sent again, ms. */
const CROWDED_MS = 1_000;

/** Returns what a client is told whose answer found no space. */
export function tooManyAnswers(ref?: number): ErrorReply {
  const message = "Too many answers wait to be read here; try again.";
  return { code: "rate-limited", message, retryAfterMs: CROWDED_MS, ...(ref === undefined ? {} : { ref }) };
}

export const BAD_ROOM = "A room's name is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit.";
