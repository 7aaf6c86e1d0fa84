import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance, RouteOptions } from "fastify";
import Type, { type TSchema } from "typebox";
import { FAILURES, NAMED_SCHEMAS } from "../schemas.ts";

/** Not `swagger`: the embedding app may use that name for its own description. */
const DECORATOR = "dynochatDescription";

/** Collects the description of the routes that are registered after this call. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  // If the embedding app has a description of its own, it gets these routes, too, and fails on schemas that
  // only this description knows. Hence they are hidden from it, and added here.
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
        contact: { name: "The operator of this server" },
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "The server that this description comes from" }],
      tags: [
        { name: "rooms", description: "Which rooms there are, and who is in them" },
        { name: "messages", description: "Reading and writing messages" },
        { name: "moderation", description: "What users may do in a room" },
        { name: "events", description: "Messages as they come, as server-sent events" },
        { name: "session", description: "Who a browser is" },
        { name: "description", description: "This document" },
      ],
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

const OpenApi = Type.Object(
  { openapi: Type.String(), paths: Type.Object({}, { additionalProperties: true }) },
  { description: "An OpenAPI document", additionalProperties: true },
);

/** Registers `GET /api/openapi.json`. */
export function routeDescription(app: FastifyInstance): void {
  let text: string | undefined;
  app.get(
    "/openapi.json",
    {
      schema: {
        operationId: "getDescription",
        summary: "This description",
        description: "The OpenAPI document of everything below /api.",
        tags: ["description"],
        security: [],
        response: { 200: OpenApi, ...FAILURES },
      },
    },
    async (_request, reply) => {
      text ??= JSON.stringify(withNamedSchemas(app.getDecorator<() => object>(DECORATOR)()));
      return reply.type("application/json; charset=utf-8").send(text);
    },
  );
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * Returns the document with the named schemas under `components`, and references in their places: generators
 * of clients name their types by them. The routes keep the whole schemas, because their checks are compiled
 * one by one.
 */
function withNamedSchemas(document: object): Json {
  const references = new Map<string, Json>();
  const schemas: Record<string, Json> = {};
  for (const [name, schema] of Object.entries<TSchema>(NAMED_SCHEMAS)) {
    const plain = referring(jsonOf(schema), references);
    schemas[name] = plain;
    references.set(JSON.stringify(plain), { $ref: `#/components/schemas/${name}` });
  }
  const described = referring(jsonOf(document), references);
  if (!isRecord(described)) return described;
  const components = described["components"] ?? {};
  return { ...described, components: { ...(isRecord(components) ? components : {}), schemas } };
}

/** Replaces named schemas by references, from the inside out: a named schema may contain others. */
function referring(value: Json, references: ReadonlyMap<string, Json>): Json {
  if (isList(value)) return value.map((item) => referring(item, references));
  if (!isRecord(value)) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, referring(field, references)] as const);
  const replaced: Json = Object.fromEntries(fields);
  return references.get(JSON.stringify(replaced)) ?? replaced;
}

function jsonOf(value: object): Json {
  const json: Json = JSON.parse(JSON.stringify(value));
  return json;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !isList(value);
}
