import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance, RouteOptions } from "fastify";

/** Not `swagger`: the app around this plugin may describe itself, too. */
const DECORATOR = "dynochatDescription";

/** Collects the description of the routes that are registered behind it. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  // Where the app around this plugin describes itself, it is handed these routes too, and fails on what only this description knows.
  // So they are hidden from it, and shown here.
  const described = new Set<unknown>();
  app.addHook("onRoute", (route: RouteOptions) => {
    if (route.schema?.hide === true) return;
    route.schema = { ...route.schema, hide: true };
    described.add(route.schema);
  });
  await app.register(fastifySwagger, {
    decorator: DECORATOR,
    transform: ({ schema, url }) => ({
      schema: described.has(schema) ? { ...schema, hide: false } : schema,
      url,
    }),
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "dynochat",
        version: "1",
        description: "Rooms, messages and people of a chat. What the fields promise: docs/protocol.md.",
      },
      components: {
        securitySchemes: {
          key: { type: "http", scheme: "bearer", description: "A program's key" },
          session: {
            type: "apiKey",
            in: "cookie",
            name: "dynochat-session",
            description: "POST /api/session",
          },
        },
      },
    },
  });
}

/** `GET /api/openapi.json`. */
export function routeDescription(app: FastifyInstance): void {
  let text: string | undefined;
  app.get("/openapi.json", { schema: { summary: "This description" } }, async (_request, reply) => {
    text ??= JSON.stringify(app.getDecorator<() => object>(DECORATOR)());
    return reply.type("application/json; charset=utf-8").send(text);
  });
}
