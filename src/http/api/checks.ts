import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Value } from "typebox/value";
import { BAD_ROOM } from "../../chat/errors.ts";
import type { ErrorReply } from "../../chat/result.ts";
import { isRoom } from "../../protocol/ids.ts";

/** Thrown for a request that does not match the schema of its route. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly refused: ErrorReply;

  constructor(refused: ErrorReply) {
    super(refused.message);
    this.refused = refused;
  }
}

/**
 * Compiles the check of one part of a route's requests. A body must match its schema; values in an address
 * are text, and are converted if the schema has a number.
 */
export const checkCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = Compile(schema);
  return (given: unknown) => {
    const value: unknown = httpPart === "body" ? given : converted(schema, given);
    return check.Check(value)
      ? { value }
      : { error: new BadRequest(complaint(httpPart, check.Errors(value), given)) };
  };
};

/**
 * Converts text to numbers, only if it is a decimal integer: `true`, `1.5` and an empty text do not become 1,
 * 1 and 0.
 */
function converted(schema: TSchema, given: unknown): unknown {
  const texts = new Map<string, unknown>(Object.entries(Object(given)));
  const fields = Object.entries(Object(Value.Convert(schema, given)));
  return Object.fromEntries(
    fields.map(([name, value]) => {
      const text = texts.get(name);
      return [name, typeof value === "number" && String(value) !== text ? text : value];
    }),
  );
}

const PARTS: Readonly<Record<string, string>> = { body: "body", querystring: "query", headers: "headers" };

function complaint(
  part: string | undefined,
  errors: readonly { readonly instancePath: string; readonly message: string }[],
  given: unknown,
): ErrorReply {
  if (part === "params" || (part === "querystring" && namesNoRoom(given))) {
    return { code: "bad-room", message: BAD_ROOM };
  }
  const [first] = errors;
  const field = first?.instancePath.slice(1).replaceAll("/", ".") ?? "";
  const where = [PARTS[part ?? ""] ?? "request", field].filter((name) => name !== "").join(".");
  return { code: "bad-request", message: `${where} ${first?.message ?? "is not as it should be"}.` };
}

/** Returns whether a query has a `room` that is no valid room name; the part after an @ is an id. */
function namesNoRoom(query: unknown): boolean {
  if (typeof query !== "object" || query === null || !("room" in query)) return false;
  const rooms: readonly unknown[] = Array.isArray(query.room) ? query.room : [query.room];
  return rooms.some((room) => typeof room === "string" && !isRoom(room.split("@")[0] ?? ""));
}
