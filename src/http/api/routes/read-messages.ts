import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { sizeOf } from "../../../chat/room/entry-reader.ts";
import { withMessages } from "../../../chat/session/answer.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import { networkOf } from "../../../transport/client-address.ts";
import { refuse } from "../error.ts";
import { sendTagged } from "../etag.ts";
import { ResponseReader } from "../response-reader.ts";
import { FAILURES, MessagePage, PageQuery, READERS, RoomParams } from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

/**
 * Registers `GET /api/rooms/{room}/messages`: a page of a room's messages, as the bytes that the store gave.
 */
export function routeReadMessages(app: FastifyInstance, { gate, chat, callers }: RouteDeps): void {
  app.get<{ Params: Static<typeof RoomParams>; Querystring: Static<typeof PageQuery> }>(
    "/rooms/:room/messages",
    {
      schema: {
        operationId: "listMessages",
        summary: "A page of a room's messages",
        description: "The newest messages of a room, or those before or after an id; oldest first.",
        tags: ["messages"],
        security: READERS,
        params: RoomParams,
        querystring: PageQuery,
        response: { 200: MessagePage, ...FAILURES },
      },
    },
    async (request, reply) => {
      const reader = await callers.reader(request);
      if (!reader.ok) return refuse(reply, reader.error);
      const { before, after, limit = LIMITS.joinMessages } = request.query;
      if (before !== undefined && after !== undefined) {
        return refuse(reply, { code: "bad-request", message: "Ask for before or after, not both." });
      }
      const { room } = request.params;
      const found = await callers.visitor(request, reader.value, room);
      if (!found.ok) return refuse(reply, found.error);
      const visitor = found.value;
      const answers = chat.answers.of(new ResponseReader(reply.raw, networkOf(gate.addresses.of(request))));
      reply.raw.once("close", () => answers.close());
      return answers.read(async (space) => {
        const page =
          after === undefined
            ? await chat.queries.before(room, visitor, before, limit)
            : await chat.queries.after(room, visitor, after, limit);
        space.take(sizeOf(page.entries));
        const fields = { more: page.more, ...(page.recovered ? {} : { recovered: false }) };
        return sendTagged(request, reply, withMessages(fields, page.entries));
      });
    },
  );
}
