import type { FastifyReply } from "fastify";
import type { ErrorReply } from "../../chat/result.ts";
import { ERRORS, type ErrorCode } from "../../protocol/codes.ts";

/** The HTTP status of each error code; a caller may give a more precise one. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  "bad-frame": 400,
  "bad-request": 400,
  "unknown-type": 400,
  "hello-first": 400,
  "not-joined": 400,
  "not-found": 404,
  "bad-room": 400,
  "bad-handle": 400,
  "text-empty": 400,
  "text-too-long": 400,
  "too-many-rooms": 400,
  "rate-limited": 429,
  forbidden: 403,
  unauthorized: 401,
  unavailable: 503,
  "storage-full": 507,
};

/**
 * Seconds after which a request that failed for a temporary reason may be retried, if the error does not say.
 */
const RETRY_SECONDS = 1;

/**
 * Answers `{code, message, retryable}`, with Retry-After (whole seconds, rounded up) if the same request may
 * succeed later.
 */
export function refuse(
  reply: FastifyReply,
  { code, message, retryAfterMs }: ErrorReply,
  status = STATUS[code],
): FastifyReply {
  const { retryable } = ERRORS[code];
  if (retryable)
    reply.header("Retry-After", retryAfterMs === undefined ? RETRY_SECONDS : Math.ceil(retryAfterMs / 1000));
  if (status === 401) reply.header("WWW-Authenticate", "Bearer");
  return reply
    .code(status)
    .header("Cache-Control", "no-store")
    .send({ code, message, retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}
