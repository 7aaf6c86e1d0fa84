import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import { STORE_AWAY } from "../../../chat/errors.ts";
import { guestIdentity, type Identity } from "../../../chat/identity.ts";
import { type ErrorReply, failure, type Result, success } from "../../../chat/result.ts";
import { missingRight } from "../../../chat/rights/visitor.ts";
import type { StreamRoom } from "../../../chat/session/stream/stream-subscription.ts";
import { REQUESTS } from "../../../chat/session/v1/requests.ts";
import { guestCookies } from "../../../transport/cookies/guest-cookie.ts";
import { isSecure } from "../../../transport/origin.ts";
import { refuse } from "../error.ts";
import { EventStreamAnswer, EventsQuery, FAILURES, LastEventId, READERS, RoomParams } from "../schemas.ts";
import type { RouteDeps } from "./route-deps.ts";

interface OneRoom {
  Params: Static<typeof RoomParams>;
  Headers: Static<typeof LastEventId>;
}

/** A room of a stream before the caller's right is known. */
type WantedRoom = Omit<StreamRoom, "found">;

/** Headers that keep proxies from buffering, changing or storing the events. */
const HEAD = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
  // So that a server that closes does not wait for the connection of an ended stream.
  Connection: "close",
} as const;

/** Registers `GET /api/rooms/{room}/events`, and `GET /api/events` for several rooms in one stream. */
export function routeEvents(app: FastifyInstance, deps: RouteDeps): void {
  const response = { 200: EventStreamAnswer, ...FAILURES };
  app.get<OneRoom>(
    "/rooms/:room/events",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "streamRoom",
        summary: "What is said in a room, as it comes",
        description: "One room as server-sent events, from now on or from Last-Event-ID on.",
        tags: ["events"],
        security: READERS,
        params: RoomParams,
        headers: LastEventId,
        response,
      },
    },
    async (request, reply) => {
      const { "last-event-id": after } = request.headers;
      return open(request, reply, deps, [
        { room: request.params.room, after: after === "" ? undefined : after },
      ]);
    },
  );
  app.get<{ Querystring: Static<typeof EventsQuery> }>(
    "/events",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "streamRooms",
        summary: "What is said in several rooms",
        description: "Several rooms as server-sent events in one stream, each from now on or from an id on.",
        tags: ["events"],
        security: READERS,
        querystring: EventsQuery,
        response,
      },
    },
    async (request, reply) => open(request, reply, deps, request.query.room.map(streamRoomOf)),
  );
}

/** Reads `lobby`, or `lobby@1795257593307-41`. */
function streamRoomOf(text: string): WantedRoom {
  const [room = "", after] = text.split("@");
  return { room, after };
}

async function open(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: RouteDeps,
  rooms: readonly WantedRoom[],
): Promise<FastifyReply> {
  const { callers, streams } = deps;
  const caller = await callers.reader(request);
  if (!caller.ok) return refuse(reply, caller.error);
  // Entering a room costs as much as a join. The wait comes first, because the checks below hold only for
  // this moment.
  const early = await deps.throttle.of(request, rooms.length * REQUESTS.join.cost);
  if (early !== undefined) return refuse(reply, early);
  const entered = await entries(caller.value, rooms, deps);
  if (!entered.ok) return refuse(reply, entered.error);
  const unusable = roomsRefusal(rooms, deps);
  if (unusable !== undefined) return refuse(reply, unusable);
  const isOver = caller.value === undefined ? undefined : deps.chat.accounts.refusal(caller.value);
  if (isOver !== undefined) return refuse(reply, isOver);
  const rejected = deps.gate.checkConnection(request);
  if (rejected !== undefined) return refuse(reply, rejected, rejected.status);
  const identity = caller.value ?? guestIdentity(deps.chat.guests.create());
  if (caller.value === undefined) {
    reply.header("Set-Cookie", guestCookies(identity.user, request.raw, deps.cookies, isSecure(request)));
  }
  reply.hijack();
  // From now on it is counted as a connection.
  deps.underWay.release(reply.raw);
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...HEAD })) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.raw.writeHead(200);
  reply.raw.flushHeaders();
  const address = deps.gate.addresses.of(request);
  const path = request.url.split("?")[0] ?? "";
  streams.take(reply.raw, {
    request: { identity, rooms: entered.value },
    address,
    requestId: request.id,
    path,
  });
  return reply;
}

/**
 * Returns the rooms with the caller's rights; fails if the caller may not read one of them, or that is not
 * known.
 */
async function entries(
  caller: Identity | undefined,
  rooms: readonly WantedRoom[],
  { chat }: RouteDeps,
): Promise<Result<readonly StreamRoom[]>> {
  const found = await Promise.all(
    rooms.map(async (wanted) => ({ wanted, right: await chat.rights.find(caller, wanted.room) })),
  );
  const entered: StreamRoom[] = [];
  for (const { wanted, right } of found) {
    if (!right.ok) return right;
    const forbidden = missingRight(right.value.right, "read", wanted.room);
    if (forbidden !== undefined) return failure(forbidden);
    entered.push({ ...wanted, found: right.value });
  }
  return success(entered);
}

/** Returns why a stream of these rooms cannot be opened; undefined = it can. */
function roomsRefusal(rooms: readonly WantedRoom[], { chat }: RouteDeps): ErrorReply | undefined {
  const { maxRoomsPerConnection } = chat.options;
  if (rooms.length > maxRoomsPerConnection) {
    return { code: "too-many-rooms", message: `A stream may carry ${maxRoomsPerConnection} rooms.` };
  }
  if (new Set(rooms.map(({ room }) => room)).size < rooms.length)
    return { code: "bad-request", message: "query.room names a room twice." };
  return chat.live ? undefined : STORE_AWAY;
}
