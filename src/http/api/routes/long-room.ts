import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { BAD_ROOM } from "../../../chat/errors.ts";
import { isRoom } from "../../../protocol/ids.ts";
import { refuse } from "../error.ts";

/** The methods of the routes of one room, by the last part of their address. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  messages: ["GET", "HEAD", "POST"],
  events: ["GET"],
  presence: ["GET", "HEAD"],
  access: ["GET", "HEAD", "POST"],
  recheck: ["POST"],
};

/** Name of a constraint of the router, which all plugins of an app share. */
const CONSTRAINT = "dynochatLongRoom";

/** What the router stores for a route. */
type Storage = ReturnType<Parameters<FastifyInstance["addConstraintStrategy"]>[0]["storage"]>;
type Handler = Parameters<Storage["set"]>[1];

/** Length of the shortest name that is too long. */
const LONG = 65;

/**
 * Answers `bad-room` if a room's name is longer than the router's longest parameter: it finds no route for
 * such an address. The wildcard is constrained to these requests, so that it matches no others.
 */
export function routeLongRooms(scope: FastifyInstance): void {
  if (!scope.hasConstraintStrategy(CONSTRAINT)) addConstraint(scope);
  scope.route({
    method: ["GET", "HEAD", "POST"],
    url: "/rooms/*",
    constraints: { [CONSTRAINT]: true },
    schema: { hide: true },
    handler: refuseRoom,
  });
}

function addConstraint(scope: FastifyInstance): void {
  scope.addConstraintStrategy({
    name: CONSTRAINT,
    storage: () => {
      const handlers = new Map<unknown, Handler>();
      return {
        get: (value) => handlers.get(value) ?? null,
        set: (value, handler) => void handlers.set(value, handler),
      };
    },
    validate: () => {},
    deriveConstraint: (request: IncomingMessage) => isForLongRoom(request) || undefined,
  });
}

function refuseRoom(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return refuse(reply, { code: "bad-room", message: BAD_ROOM });
}

/**
 * Returns whether a request is for a route of one room with a name that is too long. All chats of an app
 * share it.
 */
function isForLongRoom({ url = "", method = "" }: IncomingMessage): boolean {
  if (url.length < LONG) return false;
  const [path = ""] = url.split("?");
  const [rooms, room = "", route = ""] = path.split("/").slice(-3);
  const methods = Object.hasOwn(METHODS, route) ? METHODS[route] : undefined;
  return rooms === "rooms" && methods?.includes(method) === true && isTooLong(room);
}

function isTooLong(room: string): boolean {
  try {
    const name = decodeURIComponent(room);
    return name.length >= LONG && !isRoom(name);
  } catch {
    // The router rejects a name that cannot be decoded.
    return false;
  }
}
