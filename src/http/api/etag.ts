import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/**
 * Answers with JSON that may be stored but must be revalidated each time: 304 if the client has it (RFC 9110,
 * section 13.1.2).
 */
export function sendTagged(request: FastifyRequest, reply: FastifyReply, json: Buffer): FastifyReply {
  const tag = `"${createHash("sha256").update(json).digest("base64url").slice(0, 27)}"`;
  reply.header("ETag", tag).header("Cache-Control", "private, no-cache");
  return isKnown(request.headers["if-none-match"], tag)
    ? reply.code(304).send()
    : reply.type("application/json; charset=utf-8").send(json);
}

/** Returns whether an If-None-Match header, if there is one, names that tag or any tag. */
export function isKnown(given: string | undefined, tag: string): boolean {
  const tags = given?.split(",").map((one) => one.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(tag) || tags.includes("*");
}
