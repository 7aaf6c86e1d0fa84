import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import type { ReportReader } from "../../chat/rights/reports.ts";
import type { Program } from "../../identity/api-keys.ts";
import { networkOf } from "../../transport/client-address.ts";
import { programIdentity } from "../api/callers.ts";
import { refuse } from "../api/error.ts";
import { ReportParams, ReportQuery } from "../api/schemas.ts";
import type { ReportsView } from "./report-view.ts";
import type { StatusRoomDeps } from "./status-rooms.ts";

/**
 * The body of `POST /status/reports/{report}/dismiss`. It says nothing, but must be there: a request with
 * JSON is one that a page of another origin cannot send (status-rooms.ts).
 */
const Dismissal = Type.Object({});

/**
 * Registers `GET /status/reports` and `POST /status/reports/{report}/dismiss`, in the scope of
 * `routeStatusRooms`, whose checks they use. An operator sees the reports of rooms that they may moderate,
 * and no others: whoever may only read a room is not told who reports whom.
 */
export function routeStatusReports(scope: FastifyInstance, { chat, gate, operatorOf }: StatusRoomDeps): void {
  const readerOf = (request: FastifyRequest, program: Program): ReportReader => ({
    identity: programIdentity(program),
    network: networkOf(gate.addresses.of(request)),
  });

  scope.get<{ Querystring: Static<typeof ReportQuery> }>(
    "/status/reports",
    { schema: { querystring: ReportQuery } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const listed = await chat.reports.list(readerOf(request, operator.value), request.query);
      return listed.ok ? send(reply, listed.value) : refuse(reply, listed.error);
    },
  );

  scope.post<{ Params: Static<typeof ReportParams>; Body: Static<typeof Dismissal> }>(
    "/status/reports/:report/dismiss",
    { bodyLimit: 1024, schema: { params: ReportParams, body: Dismissal } },
    async (request, reply) => {
      const operator = operatorOf(request);
      if (!operator.ok) return refuse(reply, operator.error);
      const dismissed = await chat.reports.dismiss(readerOf(request, operator.value), request.params.report);
      return dismissed.ok ? send(reply, { id: dismissed.value.id }) : refuse(reply, dismissed.error);
    },
  );
}

function send(reply: FastifyReply, view: ReportsView | { readonly id: string }): FastifyReply {
  return reply.header("Cache-Control", "no-store").send(view);
}
