import type { FastifyRequest } from "fastify";
import { BAD_ROOM } from "../../chat/errors.ts";
import { failure, type Result, success } from "../../chat/result.ts";
import type { PlainQuery } from "../../chat/session/plain/plain-session.ts";
import { isMessageId, isRoom } from "../../protocol/ids.ts";
import { LIMITS } from "../../protocol/limits.ts";

/**
 * Reads the query string of a plain client: `?room=`, `?after=`, `?history=`. Fails with `bad-room` or
 * `bad-request`.
 */
export function readPlainQuery(request: FastifyRequest, defaultRoom: string): Result<PlainQuery> {
  const query = new URLSearchParams(request.raw.url?.split("?")[1] ?? "");
  const room = query.get("room") ?? defaultRoom;
  if (!isRoom(room)) return failure({ code: "bad-room", message: BAD_ROOM });
  const after = query.get("after") ?? undefined;
  if (after !== undefined && !isMessageId(after)) {
    return badRequest("after must be a message id such as 1795257593307-41.");
  }
  const history = query.get("history") ?? String(LIMITS.joinMessages);
  const limit = Number(history);
  if (!/^\d{1,3}$/.test(history) || limit > LIMITS.answerMessages) {
    return badRequest(`history must be a number from 0 to ${LIMITS.answerMessages}.`);
  }
  // A client with a cursor wants everything after it, as far as one answer can carry it.
  return success({ room, after, limit: after === undefined ? limit : LIMITS.answerMessages });
}

function badRequest(message: string): Result<never> {
  return failure({ code: "bad-request", message });
}
