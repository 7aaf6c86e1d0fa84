import type { FastifyRequest } from "fastify";
import type { PlainVisit } from "../chat/plain-session.ts";
import { BAD_ROOM } from "../chat/refusal.ts";
import { isMessageId, isRoom, LIMITS } from "../protocol.ts";

/**
 * What a plain client asks for in its address: `?room=`, `?after=`, `?history=`. A string is why it cannot have it.
 */
export function readVisit(request: FastifyRequest, defaultRoom: string): PlainVisit | string {
  const query = new URLSearchParams(request.raw.url?.split("?")[1] ?? "");
  const room = query.get("room") ?? defaultRoom;
  if (!isRoom(room)) return BAD_ROOM;
  const after = query.get("after") ?? undefined;
  if (after !== undefined && !isMessageId(after))
    return "after must be a message id such as 1795257593307-41.";
  const history = query.get("history") ?? String(LIMITS.joinMessages);
  const limit = Number(history);
  if (!/^\d{1,3}$/.test(history) || limit > LIMITS.answerMessages) {
    return `history must be a number from 0 to ${LIMITS.answerMessages}.`;
  }
  // Whoever recovers wants everything behind the cursor, as far as one answer carries it.
  return { room, after, limit: after === undefined ? limit : LIMITS.answerMessages };
}
