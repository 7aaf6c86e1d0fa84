import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Chat } from "../../chat/chat.ts";
import { readHandle } from "../../chat/handle.ts";
import { BAD_HANDLE, notStored, textRefused } from "../../chat/refusal.ts";
import { readText } from "../../chat/text.ts";
import { LIMITS } from "../../protocol.ts";
import { type Refused, refuse } from "../api-error.ts";
import { FAILURES, NewMessage, NewMessageHeaders, RoomParams, Stored, StoredBefore } from "../api-schemas.ts";
import type { Caller } from "../callers.ts";
import type { ApiHouse } from "./api.ts";

interface Route {
  Params: Static<typeof RoomParams>;
  Body: Static<typeof NewMessage>;
  Headers: Static<typeof NewMessageHeaders>;
}

/** `POST /api/rooms/{room}/messages`: a program, or a person without a socket, says something. */
export function routePostMessage(app: FastifyInstance, { chat, callers }: ApiHouse): void {
  app.post<Route>(
    "/rooms/:room/messages",
    {
      bodyLimit: LIMITS.frameBytes,
      schema: {
        summary: "Say something in a room",
        security: [{ key: [] }, { session: [] }],
        params: RoomParams,
        headers: NewMessageHeaders,
        body: NewMessage,
        response: { 200: StoredBefore, 201: Stored, ...FAILURES },
      },
    },
    async (request, reply) => {
      const caller = callers.writer(request);
      if ("code" in caller) return refuse(reply, caller);
      const { room } = request.params;
      const said = readSaid(request.body, caller, chat);
      if ("code" in said) return refuse(reply, said);
      const appended = await chat.posting.post({
        room,
        user: caller.user,
        handle:
          chat.rooms.get(room)?.presence.nameFor({ id: caller.user, handle: said.handle }) ?? said.handle,
        text: said.text,
        key: request.headers["idempotency-key"],
        connection: request.id,
        arrivedAt: performance.now() - reply.elapsedTime,
      });
      if (!("id" in appended)) return refuse(reply, notStored(appended));
      reply.header("Cache-Control", "no-store");
      return appended.outcome === "stored"
        ? reply.code(201).send({ id: appended.id })
        : reply.code(200).send({ id: appended.id, duplicate: true });
    },
  );
}

/** What is to be said, and under which name. */
function readSaid(
  body: Static<typeof NewMessage>,
  caller: Caller,
  { options: { maxTextLength } }: Chat,
): { readonly handle: string; readonly text: string } | Refused {
  const handle = body.handle === undefined ? undefined : readHandle(body.handle);
  if (handle === "bad-handle") return { code: "bad-handle", message: BAD_HANDLE };
  const read = readText(body.text, maxTextLength);
  if (typeof read === "string") return textRefused(read, maxTextLength);
  return { handle: handle ?? caller.handle, text: read.text };
}
