import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { Result } from "../../../chat/result.ts";
import type { Moderator, RulePage } from "../../../chat/rights/moderation.ts";
import { ALL_ROOMS } from "../../../store/access.ts";
import { refuse } from "../error.ts";
import {
  AccessChanged,
  AccessQuery,
  AccessRuleList,
  FAILURES,
  NewAccessRule,
  RoomParams,
  SignOutBody,
  UserInBody,
  WRITERS,
} from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/** Bytes of a change with a reason in which every character is escaped. */
export const ACCESS_BODY_BYTES = 4 * 1024;

type Place = { readonly Params: Static<typeof RoomParams> };

/** What all routes of moderation have in common. */
const MODERATION = { tags: ["moderation"], security: WRITERS };
const OF_ROOM = { ...MODERATION, params: RoomParams };

const DECIDES_ITSELF = "For apps that decide themselves (the plugin's option authorize)";
const NEEDS_ROOM = "needs the right to moderate.";
const NEEDS_ALL = "needs the right to moderate all rooms (`moderate` for the rooms `*`).";

/**
 * Registers the routes by which moderators change and read what users may do, in a room and in all rooms:
 * `/access`, `/recheck` and `/sign-out`.
 */
export function routeAccess(app: FastifyInstance, deps: RouteDeps): void {
  routeRoomAccess(app, deps);
  routeGlobalAccess(app, deps);
}

function routeRoomAccess(app: FastifyInstance, { chat, callers }: RouteDeps): void {
  const moderatorOf = (request: FastifyRequest<Place>): Promise<Result<Moderator>> =>
    callers.writingVisitor(request, request.params.room);
  app.post<Place & { Body: Static<typeof NewAccessRule> }>(
    "/rooms/:room/access",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        ...OF_ROOM,
        operationId: "changeAccess",
        summary: "Say what a user may do in a room",
        description: `Mutes a user, shuts one out, locks a room, or takes that back; ${NEEDS_ROOM}`,
        body: NewAccessRule,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const moderator = await moderatorOf(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerId(reply, await chat.moderation.change(moderator.value, params.room, body));
    },
  );
  app.post<Place & { Body: Static<typeof UserInBody> }>(
    "/rooms/:room/recheck",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        ...OF_ROOM,
        operationId: "recheckAccess",
        summary: "Have the embedding app asked again what a user may do in a room",
        description: `${DECIDES_ITSELF}; ${NEEDS_ROOM}`,
        body: UserInBody,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const moderator = await moderatorOf(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerId(reply, await chat.moderation.recheck(moderator.value, params.room, body.user));
    },
  );
  app.get<Place & { Querystring: Static<typeof AccessQuery> }>(
    "/rooms/:room/access",
    {
      schema: {
        ...OF_ROOM,
        operationId: "listAccess",
        summary: "What users may do in a room",
        description: `The access rules of a room, newest first; ${NEEDS_ROOM}`,
        querystring: AccessQuery,
        response: { 200: AccessRuleList, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { params, query } = request;
      const moderator = await moderatorOf(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerList(reply, await chat.moderation.list(moderator.value, params.room, query.before));
    },
  );
}

function routeGlobalAccess(app: FastifyInstance, { chat, callers }: RouteDeps): void {
  app.post<{ Body: Static<typeof NewAccessRule> }>(
    "/access",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        ...MODERATION,
        operationId: "changeGlobalAccess",
        summary: "Say what a user may do in all rooms",
        description: `Bans or mutes a user everywhere, or takes that back; ${NEEDS_ALL}`,
        body: NewAccessRule,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerId(reply, await chat.moderation.change(moderator.value, ALL_ROOMS, request.body));
    },
  );
  app.post<{ Body: Static<typeof UserInBody> }>(
    "/recheck",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        ...MODERATION,
        operationId: "recheckGlobalAccess",
        summary: "Have the embedding app asked again what a user may do in all rooms",
        description: `${DECIDES_ITSELF}; ${NEEDS_ALL}`,
        body: UserInBody,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerId(reply, await chat.moderation.recheck(moderator.value, ALL_ROOMS, request.body.user));
    },
  );
  app.post<{ Body: Static<typeof SignOutBody> }>(
    "/sign-out",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        ...MODERATION,
        operationId: "signOut",
        summary: "Sign a user of the site out",
        description: `Ends the tokens and sessions that the user has, and closes their connections; ${NEEDS_ALL}`,
        body: SignOutBody,
        response: { 200: AccessChanged, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerId(reply, await chat.moderation.signOut(moderator.value, request.body));
    },
  );
  app.get<{ Querystring: Static<typeof AccessQuery> }>(
    "/access",
    {
      schema: {
        ...MODERATION,
        operationId: "listGlobalAccess",
        summary: "What users may do in all rooms",
        description: `The access rules that hold in all rooms, newest first; ${NEEDS_ALL}`,
        querystring: AccessQuery,
        response: { 200: AccessRuleList, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      return answerList(reply, await chat.moderation.list(moderator.value, ALL_ROOMS, request.query.before));
    },
  );
}

function answerId(reply: FastifyReply, changed: Result<string>): FastifyReply {
  if (!changed.ok) return refuse(reply, changed.error);
  return reply.header("Cache-Control", "no-store").send({ id: changed.value });
}

function answerList(reply: FastifyReply, listed: Result<RulePage>): FastifyReply {
  if (!listed.ok) return refuse(reply, listed.error);
  return reply.header("Cache-Control", "no-store").send(listed.value);
}
