import type { Appended } from "../log/log.ts";
import { ERRORS, type ErrorCode, type ErrorFrame } from "../protocol.ts";

/** The error frame for a code; `ref` and `retryAfterMs` only where there is one. */
export function errorFrame(
  code: ErrorCode,
  message: string,
  { ref, retryAfterMs }: { ref?: number | undefined; retryAfterMs?: number | undefined } = {},
): ErrorFrame {
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
export function notStored(appended: NotStored, ref?: number): ErrorFrame {
  switch (appended.outcome) {
    case "rate-limited":
      return tooFast(appended.retryAfterMs, ref);
    case "storage-full":
      return errorFrame("storage-full", "The chat's storage is full; nothing was stored.", { ref });
    case "unavailable":
      return errorFrame("unavailable", "The chat cannot reach its storage; try again with the same key.", {
        ref,
      });
  }
}

export function tooFast(retryAfterMs: number, ref?: number): ErrorFrame {
  return errorFrame("rate-limited", "You are sending faster than this chat allows.", { ref, retryAfterMs });
}

export function textRefused(
  code: "text-empty" | "text-too-long",
  maxLength: number,
  ref?: number,
): ErrorFrame {
  const message =
    code === "text-empty" ? "The text is empty." : `The text is longer than ${maxLength} characters.`;
  return errorFrame(code, message, { ref });
}

export const BAD_ROOM = "A room's name is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit.";

export const BAD_HANDLE =
  "A handle is 1 to 32 characters without control characters, and not the chat's own name.";
