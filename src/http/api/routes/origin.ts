import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { FAILURES } from "../schemas.ts";

/**
 * Registers `POST /api/origin`: 204 for a page that may use the chat. Any other page is rejected as
 * everywhere below `/api`, and learns from the answer the reason that its browser hides when a socket fails.
 * A POST, because a browser sends no Origin header with a GET of the server's own page.
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
