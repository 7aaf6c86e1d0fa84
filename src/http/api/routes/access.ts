import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { refuse } from "../error.ts";
import {
  AccessChanged,
  AccessQuery,
  AccessRuleList,
  FAILURES,
  NewAccessRule,
  Recheck,
  RoomParams,
  WRITERS,
} from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/** Bytes of a change with a reason in which every character is escaped. */
export const ACCESS_BODY_BYTES = 4 * 1024;

/**
 * Registers `POST` and `GET /api/rooms/{room}/access`: a moderator changes and reads what users may do in a
 * room.
 */
export function routeAccess(app: FastifyInstance, { chat, callers }: RouteDeps): void {
  app.post<{ Params: Static<typeof RoomParams>; Body: Static<typeof NewAccessRule> }>(
    "/rooms/:room/access",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        operationId: "changeAccess",
        summary: "Say what a user may do in a room",
        description:
          "Mutes a user, shuts one out, locks a room, or takes that back; needs the right to moderate.",
        tags: ["moderation"],
        security: WRITERS,
        params: RoomParams,
        body: NewAccessRule,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { room } = request.params;
      const moderator = await callers.writingVisitor(request, room);
      if (!moderator.ok) return refuse(reply, moderator.error);
      const changed = await chat.moderation.change(moderator.value, room, request.body);
      if (!changed.ok) return refuse(reply, changed.error);
      return reply.header("Cache-Control", "no-store").send({ id: changed.value });
    },
  );
  app.post<{ Params: Static<typeof RoomParams>; Body: Static<typeof Recheck> }>(
    "/rooms/:room/recheck",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        operationId: "recheckAccess",
        summary: "Have the embedding app asked again what a user may do in a room",
        description:
          "For apps that decide themselves (the plugin's option authorize); needs the right to moderate.",
        tags: ["moderation"],
        security: WRITERS,
        params: RoomParams,
        body: Recheck,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { room } = request.params;
      const moderator = await callers.writingVisitor(request, room);
      if (!moderator.ok) return refuse(reply, moderator.error);
      const asked = await chat.moderation.recheck(moderator.value, room, request.body.user);
      if (!asked.ok) return refuse(reply, asked.error);
      return reply.header("Cache-Control", "no-store").send({ id: asked.value });
    },
  );
  app.get<{ Params: Static<typeof RoomParams>; Querystring: Static<typeof AccessQuery> }>(
    "/rooms/:room/access",
    {
      schema: {
        operationId: "listAccess",
        summary: "What users may do in a room",
        description: "The access rules of a room, newest first; needs the right to moderate.",
        tags: ["moderation"],
        security: WRITERS,
        params: RoomParams,
        querystring: AccessQuery,
        response: { 200: AccessRuleList, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { room } = request.params;
      const moderator = await callers.writingVisitor(request, room);
      if (!moderator.ok) return refuse(reply, moderator.error);
      const listed = await chat.moderation.list(moderator.value, room, request.query.before);
      if (!listed.ok) return refuse(reply, listed.error);
      return reply.header("Cache-Control", "no-store").send(listed.value);
    },
  );
}
