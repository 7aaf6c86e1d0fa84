import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { refuse } from "../error.ts";
import {
  Dismissed,
  FAILURES,
  NewReport,
  ReportList,
  ReportParams,
  ReportQuery,
  ReportStored,
  ReportStoredBefore,
  RoomParams,
  WRITERS,
} from "../schemas.ts";
import { ACCESS_BODY_BYTES } from "./access.ts";
import type { RouteDeps } from "./route-deps.ts";

/**
 * Registers `POST /api/rooms/{room}/reports`, by which a user who may read a room reports a message, and
 * `GET /api/reports` and `DELETE /api/reports/{report}`, by which a moderator reads and dismisses reports.
 */
export function routeReports(app: FastifyInstance, { chat, callers }: RouteDeps): void {
  app.post<{ Params: Static<typeof RoomParams>; Body: Static<typeof NewReport> }>(
    "/rooms/:room/reports",
    {
      bodyLimit: ACCESS_BODY_BYTES,
      schema: {
        operationId: "reportMessage",
        summary: "Report a message to the operators",
        description:
          "Needs the right to read. The same user's report of the same message stores nothing new.",
        tags: ["moderation"],
        security: WRITERS,
        params: RoomParams,
        body: NewReport,
        response: { 200: ReportStoredBefore, 201: ReportStored, ...FAILURES },
      },
    },
    async (request, reply) => {
      const { room } = request.params;
      const visitor = await callers.writingVisitor(request, room);
      if (!visitor.ok) return refuse(reply, visitor.error);
      const { handle } = visitor.value.identity;
      const reported = await chat.reports.report({ ...visitor.value, handle }, room, request.body);
      if (!reported.ok) return refuse(reply, reported.error);
      reply.header("Cache-Control", "no-store");
      const { id, duplicate } = reported.value;
      return duplicate ? reply.code(200).send({ id, duplicate }) : reply.code(201).send({ id });
    },
  );
  app.get<{ Querystring: Static<typeof ReportQuery> }>(
    "/reports",
    {
      schema: {
        operationId: "listReports",
        summary: "The messages that users have reported",
        description: "The reports of the rooms that the caller may moderate, newest first.",
        tags: ["moderation"],
        security: WRITERS,
        querystring: ReportQuery,
        response: { 200: ReportList, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      const listed = await chat.reports.list(moderator.value, request.query);
      if (!listed.ok) return refuse(reply, listed.error);
      return reply.header("Cache-Control", "no-store").send({ ...listed.value });
    },
  );
  app.delete<{ Params: Static<typeof ReportParams> }>(
    "/reports/:report",
    {
      schema: {
        operationId: "dismissReport",
        summary: "Dismiss a report",
        description: "Needs the right to moderate the report's room.",
        tags: ["moderation"],
        security: WRITERS,
        params: ReportParams,
        response: { 204: Dismissed, ...FAILURES },
      },
    },
    async (request, reply) => {
      const moderator = await callers.writerInAllRooms(request);
      if (!moderator.ok) return refuse(reply, moderator.error);
      const dismissed = await chat.reports.dismiss(moderator.value, request.params.report);
      if (!dismissed.ok) return refuse(reply, dismissed.error);
      return reply.code(204).header("Cache-Control", "no-store").send();
    },
  );
}
