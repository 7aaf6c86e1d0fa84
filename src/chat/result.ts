import type { ErrorCode } from "../protocol/codes.ts";

/** The error that the sender of a request is told. */
export interface ErrorReply {
  readonly code: ErrorCode;
  /** A sentence for a person: what is wrong. */
  readonly message: string;
  /** The `ref` of the request that it answers; undefined if none could be read. */
  readonly ref?: number | undefined;
  /** Milliseconds after which the same request may succeed; undefined = not known. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * A value or an error. Only `ok` tells which: a value may be undefined, or a string that is also an error's
 * code.
 */
export type Result<T, E = ErrorReply> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Returns the result of a call that produced `value`. */
export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Returns the result of a call that failed with `error`. */
export function failure<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
