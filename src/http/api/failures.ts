import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { STORE_AWAY, tooManyAnswers } from "../../chat/errors.ts";
import { TooManyAnswers } from "../../chat/limits/answer-budget.ts";
import { Forbidden } from "../../chat/rights/visitor.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { StoreUnavailable } from "../../store/store.ts";
import { BadRequest } from "./checks.ts";
import { refuse } from "./error.ts";

/**
 * Answers a request that failed: by an error of its own, because the store is away, or by an error of the
 * server.
 */
export function answerFailure(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof BadRequest) return refuse(reply, error.refused);
  if (error instanceof StoreUnavailable) return refuse(reply, STORE_AWAY);
  if (error instanceof Forbidden) return refuse(reply, error.reply);
  if (error instanceof TooManyAnswers) return refuse(reply, tooManyAnswers());
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    const message = SENTENCES[error.code] ?? `${error.message.replace(/\.$/, "")}.`;
    return refuse(reply, { code: "bad-request", message }, status);
  }
  request.log.error({ event: "request-failed", requestId: request.id, err: error }, "a request failed");
  return refuse(
    reply,
    { code: "unavailable", message: "The server failed; try again with the same key." },
    500,
  );
}

/** Messages for the framework's error codes. */
const SENTENCES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: `The body is larger than ${LIMITS.frameBytes} bytes.`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "The body must be JSON: Content-Type: application/json.",
  FST_ERR_CTP_EMPTY_JSON_BODY: "The body is empty; it must be a JSON object.",
  FST_ERR_CTP_INVALID_JSON_BODY: "The body is not valid JSON.",
};

/** Answers a request for which there is no route, or none with its method. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split("?")[0]?.slice(0, 100) ?? "";
  return refuse(reply, { code: "not-found", message: `There is no ${request.method} ${path} here.` });
}

/**
 * Answers a request for which no route can be looked up: its address is not valid, or a name in it is too
 * long.
 */
export function answerBadAddress(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split("?")[0]?.slice(0, 100) ?? "";
  const status = error.statusCode ?? 400;
  refuse(reply, { code: "bad-request", message: `${path} is no address that could be here.` }, status);
}
