import type { FastifyReply, FastifyRequest } from "fastify";
import { failure, type Result, success } from "../chat/result.ts";
import type { ApiKeys } from "../identity/api-keys.ts";
import { refuse } from "./api-error.ts";

/** `Authorization: Bearer <key>` (RFC 6750, section 2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i;

/** Returns the user id of the program that sent a request; fails with `forbidden` or `unauthorized`. */
export function programOf({ headers }: Pick<FastifyRequest, "headers">, keys: ApiKeys): Result<string> {
  if (keys.isEmpty)
    return failure({ code: "forbidden", message: "This server takes no programs: it has no API_KEYS." });
  if (headers.authorization === undefined)
    return failure({ code: "unauthorized", message: "This needs a key: Authorization: Bearer <key>." });
  const key = BEARER.exec(headers.authorization)?.[1];
  const user = key === undefined ? undefined : keys.recognise(key);
  return user === undefined
    ? failure({ code: "unauthorized", message: "Nobody has this key." })
    : success(user);
}

/**
 * A preHandler that lets programs with a key of API_KEYS through, and answers everybody else: 403 where the server has no
 * keys, 401 without a key or with one that nobody has.
 */
export function onlyPrograms(
  keys: ApiKeys,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined> {
  return async (request, reply) => {
    const program = programOf(request, keys);
    return program.ok ? undefined : refuse(reply, program.error);
  };
}
