import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { BadRequest } from "./checks.ts";

/** A body is not of the kind that is read here. */
export class UnsupportedBody extends Error {
  override readonly name = "UnsupportedBody";
  readonly statusCode = 415;
}

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/gi;

/**
 * Makes the routes of a scope read JSON bodies and no others. JSON is UTF-8 (RFC 8259, section 8.1): a body in another encoding is
 * refused, 415 where it says so, 400 where its bytes do. Body parsers of the app around the scope are not used in it, nor changed.
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
