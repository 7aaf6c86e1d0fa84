import Type, { type TProperties, type TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { ErrorCode } from "../../../protocol/codes.ts";
import type { ClientFrame } from "../../../protocol/frames.ts";
import { ID, isRoom, KEY } from "../../../protocol/ids.ts";
import { LIMITS } from "../../../protocol/limits.ts";
import { SUBJECT, USERS } from "../../../protocol/rights.ts";
import { BAD_ROOM } from "../../errors.ts";
import type { AnswerSpace } from "../../limits/answer-budget.ts";
import { COST } from "../../limits/request-budget.ts";
import { failure, type Result, success } from "../../result.ts";
import { LONGEST_RULE_SECONDS, RULE_RIGHTS } from "../../rights/moderation.ts";
import { objectOf } from "../../room/checked-entry.ts";
import { access, accessList, recheck, signOut } from "./handlers/access.ts";
import { hello } from "./handlers/hello.ts";
import { history } from "./handlers/history.ts";
import { join } from "./handlers/join.ts";
import { leave } from "./handlers/leave.ts";
import { message } from "./handlers/message.ts";
import { ping } from "./handlers/ping.ts";
import { report } from "./handlers/report.ts";
import { typing } from "./handlers/typing.ts";
import type { RequestContext } from "./request-context.ts";

/** The frames of clients by type. */
export type Frames = { readonly [F in ClientFrame as F["type"]]: F };

export type RequestName = keyof Frames;

/**
 * What a request waits for. `connection`: earlier requests with this order, and all later requests wait for
 * it. `room`: the earlier requests of its room. `room-together`: the same, except those with this order.
 * `nothing`: it is handled at once.
 */
type Order = "connection" | "room" | "room-together" | "nothing";

/** Everything that the server has to know of one type of request. */
export interface RequestType<F extends ClientFrame> {
  /**
   * Checks whether a frame is one of this type, and what is wrong if not. Fields that it does not name are
   * ignored.
   */
  readonly check: Check<F>;
  /** Its cost in addition to `COST.frame`. Messages have limits of their own, where they are stored. */
  readonly cost: number;
  readonly order: Order;
  /** Whether it is answered with messages, for which there must be space. */
  readonly answersWithMessages?: true;
  /**
   * `arrivedAt`: as performance.now() tells it. Rejects with StoreUnavailable, TooManyAnswers and
   * TooManyRooms.
   */
  readonly handle: (
    context: RequestContext,
    frame: F,
    arrivedAt: number,
    space: AnswerSpace,
  ) => Promise<void> | void;
}

interface Check<F> {
  Check(value: unknown): value is F;
}

/**
 * A schema per field of a frame; the compiler requires all, because a field without a schema would not be
 * checked.
 */
type Fields<F> = { readonly [K in Exclude<keyof F, "type">]-?: TSchema };

function check<const T extends RequestName, const P extends Fields<Frames[T]> & TProperties>(
  type: T,
  fields: P,
) {
  return Compile(Type.Object({ type: Type.Literal(type), ...fields }));
}

const Ref = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Room = Type.String();
const RoomOrAll = Type.Optional(Room);
const MessageId = Type.Optional(Type.String({ pattern: ID }));
const Limit = (minimum: number) => Type.Optional(Type.Integer({ minimum, maximum: LIMITS.answerMessages }));

/** The table of all request types. */
export const REQUESTS = {
  hello: {
    check: check("hello", {
      ref: Ref,
      handle: Type.Optional(Type.String()),
      token: Type.Optional(Type.String()),
    }),
    cost: 9,
    order: "connection",
    handle: hello,
  },
  join: {
    check: check("join", { ref: Ref, room: Room, after: MessageId, limit: Limit(0) }),
    // With its frame 100 µs, as measured; an office of 500 returns to 50 rooms each.
    cost: 4,
    order: "room",
    // Answered with messages too, but the embedding app is asked before there must be space for them.
    handle: join,
  },
  leave: { check: check("leave", { ref: Ref, room: Room }), cost: 4, order: "room", handle: leave },
  message: {
    check: check("message", {
      ref: Ref,
      room: Room,
      key: Type.String({ pattern: KEY }),
      text: Type.String(),
    }),
    cost: 1,
    // The store keeps the order of one user's messages, so they need not wait for each other's round trip.
    order: "room-together",
    handle: message,
  },
  history: {
    check: check("history", { ref: Ref, room: Room, before: MessageId, after: MessageId, limit: Limit(1) }),
    cost: COST.request,
    order: "room",
    answersWithMessages: true,
    handle: history,
  },
  typing: {
    check: check("typing", { room: Room, on: Type.Boolean() }),
    cost: 4,
    order: "nothing",
    handle: typing,
  },
  access: {
    check: check("access", {
      ref: Ref,
      room: RoomOrAll,
      user: Type.String({ pattern: SUBJECT }),
      right: Type.Enum(RULE_RIGHTS),
      seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: LONGEST_RULE_SECONDS })),
      reason: Type.Optional(Type.String()),
      address: Type.Optional(Type.Boolean()),
    }),
    cost: COST.request,
    order: "room",
    handle: access,
  },
  "access-list": {
    check: check("access-list", { ref: Ref, room: RoomOrAll, before: MessageId }),
    cost: COST.request,
    order: "room",
    handle: accessList,
  },
  recheck: {
    check: check("recheck", { ref: Ref, room: RoomOrAll, user: Type.String({ pattern: USERS }) }),
    cost: COST.request,
    order: "room",
    handle: recheck,
  },
  "sign-out": {
    check: check("sign-out", {
      ref: Ref,
      user: Type.String({ pattern: USERS }),
      undo: Type.Optional(Type.Boolean()),
    }),
    cost: COST.request,
    order: "room",
    handle: signOut,
  },
  report: {
    check: check("report", {
      ref: Ref,
      room: Room,
      id: Type.String({ pattern: ID }),
      reason: Type.Optional(Type.String()),
    }),
    cost: COST.request,
    order: "room",
    handle: report,
  },
  ping: { check: check("ping", { ref: Ref }), cost: 0, order: "nothing", handle: ping },
  pong: { check: check("pong", {}), cost: 0, order: "nothing", handle: () => undefined },
} as const satisfies { readonly [T in RequestName]: RequestType<Frames[T]> };

/** Returns the row of one type. */
export function requestType<T extends RequestName>(type: T): RequestType<Frames[T]> {
  const types: { readonly [N in RequestName]: RequestType<Frames[N]> } = REQUESTS;
  return types[type];
}

/**
 * Reads one v1 frame of a client. Fails with `bad-frame`, `bad-request`, `unknown-type` or `bad-room`.
 * @param text undefined = a binary frame.
 */
export function readRequest(text: string | undefined): Result<ClientFrame> {
  const value = text === undefined ? undefined : objectOf(text);
  if (value === undefined)
    return refuse("bad-frame", "A frame must be one JSON object in a text frame.", undefined);
  const ref = Number.isSafeInteger(value["ref"]) ? Number(value["ref"]) : undefined;
  const { type } = value;
  if (typeof type !== "string") return refuse("bad-request", "The frame needs a type: a string.", ref);
  if (!isKnown(type)) return refuse("unknown-type", `There is no frame of type ${quoted(type)}.`, ref);
  const validator = REQUESTS[type].check;
  if (!validator.Check(value)) return refuse("bad-request", describeError(type, validator, value), ref);
  const room = roomOf(value);
  return room !== undefined && !isRoom(room) ? refuse("bad-room", BAD_ROOM, ref) : success(value);
}

/**
 * Returns the room that a frame names; undefined = none. Frames of other types may carry a field of that
 * name, which is ignored like all unknown fields.
 */
export function roomOf(frame: ClientFrame): string | undefined {
  switch (frame.type) {
    case "hello":
    case "ping":
    case "pong":
    case "sign-out":
      return undefined;
    default:
      return frame.room;
  }
}

function isKnown(type: string): type is RequestName {
  return Object.hasOwn(REQUESTS, type);
}

function refuse(code: ErrorCode, message: string, ref: number | undefined): Result<never> {
  return failure({ code, message, ref });
}

/** Returns a sentence that names the first wrong field and what is wrong. */
function describeError(type: string, validator: Validator<TProperties, TSchema>, value: unknown): string {
  const [first] = validator.Errors(value);
  if (first === undefined) return `The ${type} frame is not as it should be.`;
  const field = first.instancePath.slice(1).replaceAll("/", ".");
  return `${field === "" ? `A ${type} frame` : `${type}.${field}`} ${first.message}.`;
}

/** Returns a client's text in quotes for an error message, cut to a readable length. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
