import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { refuse } from "../error.ts";
import { FAILURES, Presence, READERS, RoomList, RoomParams } from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/** Registers `GET /api/rooms` and `GET /api/rooms/{room}/presence`. */
export function routeRooms(app: FastifyInstance, { chat, callers }: RouteDeps): void {
  app.get(
    "/rooms",
    {
      schema: {
        operationId: "listRooms",
        summary: "The rooms spoken in last",
        description: "Rooms that have messages, the one with the newest message first.",
        tags: ["rooms"],
        security: READERS,
        response: { 200: RoomList, ...FAILURES },
      },
    },
    async (request, reply) => {
      const reader = await callers.reader(request);
      if (!reader.ok) return refuse(reply, reader.error);
      const rooms = await chat.queries.recentRooms(async (room) => {
        const visitor = await callers.visitor(request, reader.value, room);
        return visitor.ok ? visitor.value : undefined;
      });
      return { rooms: rooms.map(({ room, head, count }) => ({ room, last: head, count })) };
    },
  );
  app.get<{ Params: Static<typeof RoomParams> }>(
    "/rooms/:room/presence",
    {
      schema: {
        operationId: "getPresence",
        summary: "Who is in a room",
        description: "The users who are in a room now, over all processes.",
        tags: ["rooms"],
        security: READERS,
        params: RoomParams,
        response: { 200: Presence, ...FAILURES },
      },
    },
    async (request, reply) => {
      const reader = await callers.reader(request);
      if (!reader.ok) return refuse(reply, reader.error);
      const { room } = request.params;
      const visitor = await callers.visitor(request, reader.value, room);
      if (!visitor.ok) return refuse(reply, visitor.error);
      const { count, users } = await chat.queries.people(room, visitor.value);
      return { count, users: [...users] };
    },
  );
}
