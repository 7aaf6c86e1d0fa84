import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { FAILURES } from "../schemas.ts";

/**
 * `POST /api/origin`: 204 for a page that may use the chat. A page that may not is refused as everywhere below `/api`, and learns
 * here what its browser does not tell of a socket. A POST, because only that has an Origin header on the server's own page.
 */
export function routeOrigin(app: FastifyInstance): void {
  const response = { 204: Type.Null({ description: "It may" }), ...FAILURES };
  app.post(
    "/origin",
    {
      schema: {
        operationId: "checkOrigin",
        summary: "Whether the page that asks may use the chat",
        description: "Answered 204 where the request's Origin is allowed, else 403.",
        tags: ["session"],
        security: [],
        response,
      },
    },
    async (_request, reply) => reply.code(204).header("Cache-Control", "no-store").send(),
  );
}
