import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Chat } from "../../../chat/chat.ts";
import { type Identity, withHandle } from "../../../chat/identity.ts";
import { type Result, success } from "../../../chat/result.ts";
import { missingRight } from "../../../chat/rights/visitor.ts";
import { readText } from "../../../chat/text/text.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import { networkOf } from "../../../transport/client-address.ts";
import { refuse } from "../error.ts";
import {
  FAILURES,
  NewMessage,
  NewMessageHeaders,
  RoomParams,
  Stored,
  StoredBefore,
  WRITERS,
} from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

interface Route {
  Params: Static<typeof RoomParams>;
  Body: Static<typeof NewMessage>;
  Headers: Static<typeof NewMessageHeaders>;
}

/**
 * Registers `POST /api/rooms/{room}/messages`: a program, or a user without a socket, publishes a message.
 */
export function routePostMessage(app: FastifyInstance, { gate, chat, callers }: RouteDeps): void {
  app.post<Route>(
    "/rooms/:room/messages",
    {
      bodyLimit: LIMITS.frameBytes,
      schema: {
        operationId: "postMessage",
        summary: "Say something in a room",
        description:
          "Stores a message, which everybody in the room gets. The same Idempotency-Key stores nothing new.",
        tags: ["messages"],
        security: WRITERS,
        params: RoomParams,
        headers: NewMessageHeaders,
        body: NewMessage,
        response: { 200: StoredBefore, 201: Stored, ...FAILURES },
      },
    },
    async (request, reply) => {
      const caller = await callers.writer(request);
      if (!caller.ok) return refuse(reply, caller.error);
      const { room } = request.params;
      const visitor = await callers.visitor(request, caller.value, room);
      if (!visitor.ok) return refuse(reply, visitor.error);
      const { base } = visitor.value;
      const forbidden = missingRight(base, "write", room);
      if (forbidden !== undefined) return refuse(reply, forbidden);
      const read = readMessage(request.body, caller.value, chat);
      if (!read.ok) return refuse(reply, read.error);
      const { handle, text } = read.value;
      const published = await chat.publisher.publish({
        room,
        here: chat.rooms.get(room),
        sender: caller.value,
        base,
        handle,
        network: networkOf(gate.addresses.of(request)),
        text,
        key: request.headers["idempotency-key"],
        connection: request.id,
        arrivedAt: performance.now() - reply.elapsedTime,
      });
      if (!published.ok) return refuse(reply, published.error);
      reply.header("Cache-Control", "no-store");
      const { id, duplicate } = published.value;
      return duplicate ? reply.code(200).send({ id, duplicate }) : reply.code(201).send({ id });
    },
  );
}

/** Reads the text of a message and the handle it is to have. */
function readMessage(
  body: Static<typeof NewMessage>,
  caller: Identity,
  { options: { maxTextLength } }: Chat,
): Result<{ readonly handle: string; readonly text: string }> {
  const named = withHandle(caller, body.handle);
  if (!named.ok) return named;
  const read = readText(body.text, maxTextLength);
  return read.ok ? success({ handle: named.value.handle, text: read.value }) : read;
}
