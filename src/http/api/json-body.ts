import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { BadRequest } from "./checks.ts";

/** Thrown for a body of an unsupported media type or encoding. */
export class UnsupportedBody extends Error {
  override readonly name = "UnsupportedBody";
  readonly statusCode = 415;
}

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/gi;

/**
 * Makes the routes of a scope read JSON bodies and no others. JSON is UTF-8 (RFC 8259, section 8.1): a body
 * in another encoding is rejected, with 415 if its header names that encoding, with 400 if its bytes are not
 * UTF-8. Body parsers of the embedding app are not used in the scope, nor changed.
 */
export function readJsonBodies(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser("error", "error");
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (request: FastifyRequest, body, done) => {
      const error = encodingError(request, body);
      if (error === undefined) parse(request, body.toString("utf8"), done);
      else done(error);
    },
  );
}

function encodingError({ headers }: FastifyRequest, body: Buffer): Error | undefined {
  const charsets = Array.from((headers["content-type"] ?? "").matchAll(CHARSET), ([, name = ""]) => name);
  const other = charsets.find((name) => !/^utf-?8$/i.test(name));
  if (other !== undefined)
    return new UnsupportedBody(`The body must be UTF-8, not ${JSON.stringify(other)}.`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") return new UnsupportedBody("The body must not be compressed.");
  return isUtf8(body)
    ? undefined
    : new BadRequest({ code: "bad-request", message: "The body is not valid UTF-8." });
}
