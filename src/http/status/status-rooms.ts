import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { Chat } from "../../chat/chat.ts";
import type { Result } from "../../chat/result.ts";
import type { Moderator } from "../../chat/rights/moderation.ts";
import { missingRight } from "../../chat/rights/visitor.ts";
import type { Program } from "../../identity/api-keys.ts";
import { includes } from "../../protocol/rights.ts";
import { ALL_ROOMS } from "../../store/access.ts";
import { networkOf } from "../../transport/client-address.ts";
import type { Gate } from "../../transport/gate.ts";
import { programIdentity } from "../api/callers.ts";
import { checkCompiler } from "../api/checks.ts";
import { refuse } from "../api/error.ts";
import { answerFailure } from "../api/failures.ts";
import { ACCESS_BODY_BYTES } from "../api/routes/access.ts";
import { AccessQuery, NewAccessRule, RoomParams, SignOutBody } from "../api/schemas.ts";
import type { RoomsView, RoomView } from "./room-view.ts";

/** Dependencies of the routes below `/status/rooms`. */
export interface StatusRoomDeps {
  readonly chat: Pick<Chat, "moderation" | "queries" | "reports" | "rights">;
  readonly gate: Gate;
  /** Returns the program that an operator signed in as, or whose key a request carries. */
  readonly operatorOf: (request: FastifyRequest) => Result<Program>;
}

interface RoomRoute {
  readonly Params: Static<typeof RoomParams>;
}

/**
 * Registers `GET /status/rooms`, `GET /status/rooms/{room}` and `POST /status/rooms/{room}/access`; and for
 * all rooms `GET` and `POST /status/access` and `POST /status/sign-out`; in a scope of their own. An operator
 * sees and changes what the program may that they signed in as, and no more.
 */
export function routeStatusRooms(scope: FastifyInstance, { chat, gate, operatorOf }: StatusRoomDeps): void {
  scope.setValidatorCompiler(checkCompiler);
  scope.setErrorHandler(answerFailure);
  // The pass is in a cookie, so pages of other origins are refused, before a body is read.
  scope.addHook("onRequest", async (request, reply): Promise<FastifyReply | undefined> => {
    const foreign = gate.checkOrigin(request);
    return foreign === undefined ? undefined : refuse(reply, foreign, foreign.status);
  });

  const visitor = (request: FastifyRequest, program: Program, room: string): Moderator => {
    const identity = programIdentity(program);
    const network = networkOf(gate.addresses.of(request));
    return { identity, base: chat.rights.known(identity, room) ?? "none", network };
  };

  scope.get("/status/rooms", async (request, reply) => {
    const operator = operatorOf(request);
    if (!operator.ok) return refuse(reply, operator.error);
    const recent = await chat.queries.recentRooms(async (room) => {
      const reader = visitor(request, operator.value, room);
      return reader.base === "none" ? undefined : reader;
    });
    const rooms = recent.map(({ room, head, count, right }) => ({ room, last: head, count, right }));
    return send(reply, { rooms });
  });

  scope.get<RoomRoute & { Querystring: Static<typeof AccessQuery> }>(
    "/status/rooms/:room",
    { schema: { params: RoomParams, querystring: AccessQuery } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const { room } = request.params;
      const reader = visitor(request, operator.value, room);
      const forbidden = missingRight(reader.base, "read", room);
      if (forbidden !== undefined) return refuse(reply, forbidden);
      const { count, users } = await chat.queries.people(room, reader);
      const right = await chat.queries.rightIn(room, reader);
      const moderatesAll = chat.rights.moderatesAll(reader.identity);
      const view = { room, right, moderatesAll, count, users };
      if (!includes(right, "moderate")) return send(reply, { ...view, rules: [], more: false });
      const listed = await chat.moderation.list(reader, room, request.query.before);
      return listed.ok ? send(reply, { ...view, ...listed.value }) : refuse(reply, listed.error);
    },
  );

  scope.post<RoomRoute & { Body: Static<typeof NewAccessRule> }>(
    "/status/rooms/:room/access",
    { bodyLimit: ACCESS_BODY_BYTES, schema: { params: RoomParams, body: NewAccessRule } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const { room } = request.params;
      const moderator = visitor(request, operator.value, room);
      const changed = await chat.moderation.change(moderator, room, request.body);
      return changed.ok ? send(reply, { id: changed.value }) : refuse(reply, changed.error);
    },
  );

  scope.get<{ Querystring: Static<typeof AccessQuery> }>(
    "/status/access",
    { schema: { querystring: AccessQuery } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const moderator = visitor(request, operator.value, ALL_ROOMS);
      const listed = await chat.moderation.list(moderator, ALL_ROOMS, request.query.before);
      if (!listed.ok) return refuse(reply, listed.error);
      const view = { room: ALL_ROOMS, right: "moderate", moderatesAll: true, count: 0, users: [] } as const;
      return send(reply, { ...view, ...listed.value });
    },
  );

  scope.post<{ Body: Static<typeof NewAccessRule> }>(
    "/status/access",
    { bodyLimit: ACCESS_BODY_BYTES, schema: { body: NewAccessRule } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const moderator = visitor(request, operator.value, ALL_ROOMS);
      const changed = await chat.moderation.change(moderator, ALL_ROOMS, request.body);
      return changed.ok ? send(reply, { id: changed.value }) : refuse(reply, changed.error);
    },
  );

  scope.post<{ Body: Static<typeof SignOutBody> }>(
    "/status/sign-out",
    { bodyLimit: ACCESS_BODY_BYTES, schema: { body: SignOutBody } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const moderator = visitor(request, operator.value, ALL_ROOMS);
      const done = await chat.moderation.signOut(moderator, request.body);
      return done.ok ? send(reply, { id: done.value }) : refuse(reply, done.error);
    },
  );
}

function send(reply: FastifyReply, view: RoomsView | RoomView | { readonly id: string }): FastifyReply {
  return reply.header("Cache-Control", "no-store").send(view);
}
